import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { inOrder } from "../domain/retention.ts"
import type { RetentionBounds } from "../domain/retention.ts"
import { ConfigInvalid } from "../layers/AppConfig.ts"
import type { AppConfig } from "../layers/AppConfig.ts"
import { Age } from "../layers/durations.ts"
import { layerRetention } from "../layers/Live.ts"
import { print } from "./print.ts"
import { runCli } from "./runCli.ts"
import { Retention } from "../services/Retention.ts"
import { Rollups } from "../services/Rollups.ts"

const age = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(description),
    Flag.withSchema(Age),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )

const flags = {
  bodies: age("bodies", "How long executions keep their texts after their end, as 90d"),
  executions: age("executions", "How long executions are kept after their end, as 400d"),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Counts what would be dropped, and drops nothing"),
    Flag.withDefault(false)
  )
}

const isNone = ({ bodies, executions }: RetentionBounds) => bodies === undefined && executions === undefined

/** The bounds that are given, or else the configured ones: a command drops no more than it says. */
const boundsOf = (given: RetentionBounds, configured: RetentionBounds) => {
  const bounds = isNone(given) ? configured : given
  const fault = isNone(bounds)
    ? "--bodies, --executions: Expected one of them, or RETAIN_BODIES or RETAIN_EXECUTIONS"
    : "--executions: Expected at least --bodies, since bodies go with their execution"
  return isNone(bounds) || !inOrder(bounds)
    ? Effect.fail(new ConfigInvalid({ faults: [fault] }))
    : Effect.succeed(bounds)
}

const dropBy = Effect.fnUntraced(function* (bounds: RetentionBounds) {
  // What is not folded is not dropped, and perhaps no worker runs that folds.
  if (bounds.executions !== undefined) yield* Rollups.use(({ foldAll }) => foldAll)
  return yield* Retention.use(({ drop }) => drop(bounds))
})

const retention = (config: AppConfig["Service"]) =>
  Command.make(
    "promptledger-retention",
    flags,
    Effect.fnUntraced(function* ({ dryRun, ...given }) {
      const bounds = yield* boundsOf(given, config.settings.retain)
      const dropped = yield* (dryRun ? Retention.use(({ count }) => count(bounds)) : dropBy(bounds)).pipe(
        Effect.provide(layerRetention(config))
      )
      yield* print([{ ...dropped, dry_run: dryRun }])
    })
  ).pipe(Command.withDescription("Drops executions, or their texts, that were kept long enough"))

/** Drops what is older than the bounds that are given, or those of the configuration, while the service goes on. */
runCli(retention)
