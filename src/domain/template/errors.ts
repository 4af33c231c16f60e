import { Schema } from "effect"

const placed = { line: Schema.Int, column: Schema.Int, reason: Schema.String }

const inWords = ({
  line,
  column,
  reason
}: {
  readonly line: number
  readonly column: number
  readonly reason: string
}) => `Line ${line}, column ${column}: ${reason}.`

/** The template's text is not a template: where it stops making sense, and why. */
export class TemplateSyntaxError extends Schema.TaggedError<TemplateSyntaxError>()(
  "TemplateSyntaxError",
  placed
) {
  override get message(): string {
    return inWords(this)
  }
}

/** The template is well formed but uses something that templates may not use. */
export class TemplateForbidden extends Schema.TaggedError<TemplateForbidden>()("TemplateForbidden", placed) {
  override get message(): string {
    return inWords(this)
  }
}

/** Variables, or attributes of variables, that the template refers to and that were not given; all of them. */
export class UndefinedVariable extends Schema.TaggedError<UndefinedVariable>()("UndefinedVariable", {
  variables: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `These variables are missing: ${this.variables.join(", ")}.`
  }
}

/** The values given do not fit what the template does with them (a sum of a text and a number, say). */
export class TemplateRenderError extends Schema.TaggedError<TemplateRenderError>()(
  "TemplateRenderError",
  placed
) {
  override get message(): string {
    return inWords(this)
  }
}

/** Rendering took more than a template may: `limit` names the budget, `maximum` its size. */
export class TemplateLimitExceeded extends Schema.TaggedError<TemplateLimitExceeded>()(
  "TemplateLimitExceeded",
  {
    limit: Schema.Literals(["steps", "text", "depth", "time"]),
    maximum: Schema.Int
  }
) {
  override get message(): string {
    return `Rendering takes more than its limit of ${this.limit} (${this.maximum}).`
  }
}
