/** The largest template source that is parsed, in bytes of UTF-8 (design section 7). */
export const MAX_SOURCE_BYTES = 204_800

/** How deep brackets, blocks and expressions may nest in a template. */
export const MAX_NESTING = 100

/** How many parameters a macro or the block of a call may have. */
export const MAX_PARAMETERS = 100

/** What one rendering may use. */
export interface RenderLimits {
  /** Steps of work: about one for each part of an expression that is computed, and for each item gone over. */
  readonly steps: number
  /** Characters of text made, what is thrown away again included. */
  readonly text: number
  /** Nesting of values, and of macro calls weighed by the nesting of their bodies. */
  readonly depth: number
  /** Milliseconds: a backstop on a machine so slow that the steps do not bound the time. */
  readonly millis: number
}

export const defaultRenderLimits: RenderLimits = {
  steps: 400_000,
  text: 4_000_000,
  depth: 500,
  millis: 1_000
}
