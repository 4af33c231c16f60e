/**
 * Why something failed, in the words of whoever said it first: what only wraps an error says less. Node wraps those of
 * all the addresses that it tried, and says nothing itself.
 */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : reasonOf(error.cause)
}
