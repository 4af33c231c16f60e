import { Cause, Context, Data, Effect, Layer, Metric, Option, Result, Schedule, Stream } from "effect"
import { attemptFailed, attemptNotMade, attemptSucceeded, outcomeOf } from "../domain/attempt.ts"
import type { AttemptEnd } from "../domain/attempt.ts"
import { sha256 } from "../domain/checksum.ts"
import { append, emptyCompletion } from "../domain/completion.ts"
import type { ExecutionSummary } from "../domain/Execution.ts"
import { makeProviderError, withoutPrompt } from "../domain/providerError.ts"
import type { ProviderError } from "../domain/providerError.ts"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"
import { Dispatcher } from "./Dispatcher.ts"
import { ExecutionStore } from "./ExecutionStore.ts"
import type { ClaimedExecution, Lease } from "./ExecutionStore.ts"
import { attemptsWith } from "./instruments.ts"
import { Leases } from "./Leases.ts"
import { logEnd } from "./logEnd.ts"
import { logFailures } from "./logFailures.ts"
import { Providers } from "./Providers.ts"
import { Settings } from "./Settings.ts"
import { spanned } from "./spanned.ts"
import { Templates } from "./Templates.ts"

/** An attempt to carry out, with the whole text to send. */
export type Assignment = Pick<
  ClaimedExecution,
  "execution_id" | "epoch" | "mode" | "attempts" | "model" | "params"
> & {
  readonly rendered_prompt: string
}

/** The execution as it stands after an attempt, with what came of the attempt. */
export interface AttemptResult {
  readonly execution: ExecutionSummary
  readonly end: AttemptEnd
  readonly error: ProviderError | undefined
}

/** How long a written answer waits for a database that is down: longer than an outage that a lease may survive. */
const writePatiently = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")]).pipe(
  Schedule.upTo({ duration: "5 minutes" })
)

/** Carries out attempts: calls the provider under a lease, and writes down how it went. */
export class Executor extends Context.Service<
  Executor,
  {
    /**
     * Carries out an attempt whose row is written. None when it was taken away meanwhile: then nothing was written.
     * Interrupting it gives the attempt back.
     */
    readonly attempt: (assignment: Assignment) => Effect.Effect<Option.Option<AttemptResult>>
    /** Answers a wake-up call: claims the execution and carries out its next attempt, if there is one to make. */
    readonly answer: (wakeUp: Lease) => Effect.Effect<void>
    /**
     * Claims executions that are due, at most `limit`. Each of the effects carries out the next attempt of one, or,
     * when it is interrupted, gives it back: who has claimed has to run them all.
     */
    readonly claim: (limit: number) => Effect.Effect<ReadonlyArray<Effect.Effect<void>>>
  }
>()("promptledger/services/Executor") {
  static readonly layer = Layer.effect(
    Executor,
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const providers = yield* Providers
      const dispatcher = yield* Dispatcher
      const leases = yield* Leases
      const templates = yield* Templates
      const settings = yield* Settings

      const call = Effect.fnUntraced(
        function* ({ model, params, rendered_prompt }: Assignment) {
          const provider = providers.get(model.provider)
          if (provider === undefined) {
            return yield* makeProviderError({
              reason: "not_set_up",
              detail: `${model.provider} is not set up here`
            })
          }
          return yield* provider
            .complete({
              model_name: model.model_name,
              messages: [{ role: "user", content: rendered_prompt }],
              params
            })
            .pipe(
              Stream.runFold(() => emptyCompletion, append),
              Effect.mapError((error) => withoutPrompt(error, rendered_prompt)),
              Effect.timeoutOrElse({
                duration: settings.provider_timeout,
                orElse: () =>
                  makeProviderError({ reason: "timeout", detail: "no whole answer within the time limit" })
              })
            )
        },
        Effect.catchDefect((defect) =>
          Effect.andThen(
            Effect.logError("a provider call failed unexpectedly", Cause.die(defect)),
            // It may have come of a whole answer, which is not to be bought again.
            makeProviderError({ reason: "invalid_response", detail: "the call failed unexpectedly" })
          )
        )
      )

      const finish = (lease: Lease, end: AttemptEnd) => {
        const once = Effect.catchDefect(store.finish(lease, end), (defect) =>
          defect instanceof DatabaseUnavailable ? Effect.fail(defect) : Effect.die(defect)
        )
        return once.pipe(
          // A schedule is set up before what it is for is first tried, so it is left until it is needed.
          Effect.catch(() => Effect.retry(once, writePatiently)),
          Effect.orDie,
          Effect.tap((execution) =>
            Option.isSome(execution)
              ? Effect.andThen(Metric.update(attemptsWith(outcomeOf(end)), 1), logEnd(execution.value))
              : Effect.void
          )
        )
      }

      const notGivenBack = logFailures("an attempt was not given back")
      const giveBack = ({ execution_id, epoch }: Lease) =>
        Effect.gen(function* () {
          const lost = yield* store.release({ execution_id, epoch })
          if (Option.isNone(lost)) return
          yield* Metric.update(attemptsWith("unknown"), 1)
          yield* lost.value.status === "queued"
            ? dispatcher.send({ execution_id, epoch })
            : logEnd(lost.value)
        }).pipe(Effect.catchCause(notGivenBack))

      const carryOut = Effect.fnUntraced(function* (assignment: Assignment) {
        const { execution_id, epoch, model } = assignment
        const lease = { execution_id, epoch }
        yield* Effect.annotateCurrentSpan({
          execution_id,
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": model.provider,
          "gen_ai.request.model": model.model_name
        })
        const outcome = yield* leases.hold(lease, Effect.timed(Effect.result(call(assignment))))
        if (Option.isNone(outcome)) return Option.none()
        const [latency, result] = outcome.value
        const error = Result.isFailure(result) ? result.failure : undefined
        const end = Result.isSuccess(result)
          ? attemptSucceeded(result.success, latency)
          : attemptFailed(assignment, result.failure, latency)
        const execution = yield* finish(lease, end)
        if (Option.isNone(execution)) return Option.none()
        if (end._tag === "Failed" && end.retry_after !== undefined) {
          yield* dispatcher.send(lease, end.retry_after)
        }
        return Option.some({ execution: execution.value, end, error })
      }, spanned("Executor.attempt"))

      /** The whole text that was rendered when the execution was accepted; only one cut for storage is rendered again. */
      const wholePrompt = Effect.fnUntraced(function* (claimed: ClaimedExecution) {
        const { rendered_prompt, source } = claimed
        if (source === undefined) return rendered_prompt.text
        const template = yield* templates.get(source)
        // It was accepted, so no slow machine may fail it now: its steps bound the time.
        const whole = yield* template.render(source.variables, {
          limits: { millis: Number.POSITIVE_INFINITY }
        })
        return sha256(whole) === rendered_prompt.sha256 ? whole : yield* new RenderingChanged()
      })

      const orGiveBack =
        (lease: Lease) =>
        <A>(self: Effect.Effect<A>) =>
          Effect.onInterrupt(self, () => giveBack(lease))

      const answer = (wakeUp: Lease) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(store.claim(wakeUp, settings.lease), (claimed) =>
            Option.isNone(claimed)
              ? Effect.void
              : restore(makeNext(claimed.value)).pipe(orGiveBack(claimed.value))
          )
        )

      const claim = (limit: number) =>
        Effect.map(store.claimDue(limit, settings.lease), (claimed) =>
          claimed.map((one) =>
            Effect.uninterruptibleMask((restore) => restore(makeNext(one)).pipe(orGiveBack(one)))
          )
        )

      const makeNext = Effect.fnUntraced(function* (claimed: ClaimedExecution) {
        const rendered = yield* Effect.result(wholePrompt(claimed))
        if (Result.isSuccess(rendered)) {
          yield* carryOut({ ...claimed, rendered_prompt: rendered.success })
        } else {
          yield* finish(claimed, attemptNotMade(rendered.failure._tag, NOT_RENDERED))
        }
      })

      return Executor.of({
        attempt: (assignment) => carryOut(assignment).pipe(orGiveBack(assignment)),
        answer,
        claim
      })
    })
  )
}

const NOT_RENDERED = "The stored version and variables no longer give the prompt that was accepted."

/** The same version and variables gave another text than before. */
class RenderingChanged extends Data.TaggedError("RenderingChanged") {}
