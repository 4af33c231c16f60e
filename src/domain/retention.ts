import { Duration } from "effect"

/** How long after its end an execution keeps its bodies, and how long it is kept at all: for ever where nothing is said. */
export interface RetentionBounds {
  readonly bodies?: Duration.Duration | undefined
  readonly executions?: Duration.Duration | undefined
}

/** Whether both bounds have something to drop: an execution that goes sooner than its bodies has none left. */
export const inOrder = ({ bodies, executions }: RetentionBounds): boolean =>
  bodies === undefined || executions === undefined || Duration.isLessThanOrEqualTo(bodies, executions)
