import { Effect, Schema } from "effect"
import { PromptMode } from "./Prompt.ts"

/** What can be tried on a prompt and needs it to be in one mode (design section 5). */
export const ModedOperation = Schema.Literals([
  "upsert",
  "activate",
  "run",
  "submit",
  "register",
  "execute",
  "history"
])
export type ModedOperation = typeof ModedOperation.Type

/** The prompt is in the other mode than what was tried needs. */
export class ModeMismatch extends Schema.TaggedError<ModeMismatch>()("ModeMismatch", {
  prompt_name: Schema.String,
  /** The mode that the prompt is in. */
  mode: PromptMode,
  operation: ModedOperation
}) {
  override get message(): string {
    return `Prompt '${this.prompt_name}' is in ${this.mode} mode.`
  }
}

const needs: Record<Exclude<ModedOperation, "history">, PromptMode> = {
  upsert: "full",
  activate: "full",
  run: "full",
  submit: "full",
  register: "tracking",
  execute: "tracking"
}

/** Lets an operation through only when the prompt is in the mode that it needs. */
export const requireMode = (
  prompt: { readonly name: string; readonly mode: PromptMode },
  operation: keyof typeof needs
): Effect.Effect<void, ModeMismatch> => requireGivenMode(prompt, needs[operation], operation)

/** As `requireMode`, for the mode that a request named itself. */
export const requireGivenMode = (
  { name, mode }: { readonly name: string; readonly mode: PromptMode },
  wanted: PromptMode,
  operation: ModedOperation
): Effect.Effect<void, ModeMismatch> =>
  mode === wanted ? Effect.void : Effect.fail(new ModeMismatch({ prompt_name: name, mode, operation }))
