import type { Span } from "../../src/domain/periods.ts"

/** Whether an instant is in a span. */
export const isIn = ({ from, to }: Span, instant: Date): boolean =>
  (from === undefined || from <= instant) && (to === undefined || instant < to)
