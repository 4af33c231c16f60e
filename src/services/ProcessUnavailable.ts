import { Data } from "effect"

/** This process begins nothing more now, though another may: a defect, since it is no fault of what was asked. */
export class ProcessUnavailable extends Data.TaggedError("ProcessUnavailable")<{
  readonly reason: "busy" | "stopping"
}> {}
