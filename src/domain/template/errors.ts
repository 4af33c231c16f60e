import { Schema } from "effect"

const position = { line: Schema.Int, column: Schema.Int }

/** The template's text is not a template: where it stops making sense, and why. */
export class TemplateSyntaxError extends Schema.TaggedError<TemplateSyntaxError>()("TemplateSyntaxError", {
  ...position,
  reason: Schema.String
}) {}

/** The template is well formed but uses something that templates may not use. */
export class TemplateForbidden extends Schema.TaggedError<TemplateForbidden>()("TemplateForbidden", {
  ...position,
  reason: Schema.String
}) {}

/** Variables, or attributes of variables, that the template refers to and that were not given; all of them. */
export class UndefinedVariable extends Schema.TaggedError<UndefinedVariable>()("UndefinedVariable", {
  variables: Schema.Array(Schema.String)
}) {}

/** The values given do not fit what the template does with them (a sum of a text and a number, say). */
export class TemplateRenderError extends Schema.TaggedError<TemplateRenderError>()("TemplateRenderError", {
  ...position,
  reason: Schema.String
}) {}

/** Rendering took more than a template may: `limit` names the budget, `maximum` its size. */
export class TemplateLimitExceeded extends Schema.TaggedError<TemplateLimitExceeded>()(
  "TemplateLimitExceeded",
  {
    limit: Schema.Literals(["steps", "text", "depth", "time"]),
    maximum: Schema.Int
  }
) {}
