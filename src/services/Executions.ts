import { Context, Duration, Effect, Exit, Fiber, Layer, Metric, Option, Result, Schedule } from "effect"
import { NoActiveVersion, PromptNotFound, VersionNotFound } from "../domain/errors.ts"
import {
  DEFAULT_ENVIRONMENT,
  ExecutionEnded,
  ExecutionFailed,
  ExecutionNotFound,
  isTerminal
} from "../domain/Execution.ts"
import type { Execution, ExecutionMode, ExecutionSummary } from "../domain/Execution.ts"
import { checkExecutionFilter, checkExecutionRequest } from "../domain/requests.ts"
import type { ExecutionFilter, ExecutionRequest } from "../domain/requests.ts"
import { requestFingerprint, requireSameRequest } from "../domain/idempotency.ts"
import type { IdempotencyKeyReused } from "../domain/idempotency.ts"
import { ExecutionId } from "../domain/Ids.ts"
import type { ProjectId } from "../domain/Ids.ts"
import type { Model, ModelRef } from "../domain/Model.ts"
import { requireMode } from "../domain/modes.ts"
import type { ModeMismatch } from "../domain/modes.ts"
import { respected } from "../domain/retry.ts"
import type { TemplateForbidden, TemplateSyntaxError } from "../domain/template/errors.ts"
import type { RenderError } from "../domain/template/Template.ts"
import { MAX_PROMPT_BYTES, truncate } from "../domain/truncation.ts"
import type { InvalidRequest } from "../domain/validation.ts"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"
import { Dispatcher } from "./Dispatcher.ts"
import { ExecutionStore } from "./ExecutionStore.ts"
import type { ExecutionPosition, KeyedExecution, Lineage, NewExecution } from "./ExecutionStore.ts"
import { Executor } from "./Executor.ts"
import type { Assignment } from "./Executor.ts"
import { makeFibers } from "./fibers.ts"
import { attemptsWith } from "./instruments.ts"
import { Leases } from "./Leases.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { logEnd } from "./logEnd.ts"
import { NewId } from "./NewId.ts"
import { paged } from "./Page.ts"
import type { Page, PageRequest } from "./Page.ts"
import { PromptCache } from "./PromptCache.ts"
import { ProcessUnavailable } from "./ProcessUnavailable.ts"
import { Providers } from "./Providers.ts"
import { Settings } from "./Settings.ts"
import { spanned } from "./spanned.ts"
import { Templates } from "./Templates.ts"

/** Sync calls that a process has under way at most: each keeps its prompt and its answer in memory. */
const RUNNING = 1_000

/** How often a request is tried by the release that is read as the active one, while writes know another. */
const RELEASES_TRIED = 5
const RELEASE_PAUSE = Duration.millis(50)

/** How often an execution that somebody waits for is looked at, and whether the process is to stop. */
const LOOKS = Schedule.min([Schedule.exponential("25 millis", 1.5), Schedule.spaced("1 second")])

/** Which kind of prompt a request is for: the door it came through. */
export type Door = "full" | "tracking"

/** An answer to a request: `replayed` when its idempotency key stood for the execution already and nothing was done. */
export type Answer<A> = A & { readonly replayed: boolean }

/** What is known of an execution as soon as it is accepted. */
export type Accepted = Pick<
  ExecutionSummary,
  "execution_id" | "status" | "mode" | "prompt_name" | "version_number"
>

/** What can keep a request from becoming an execution. None of it leaves a row. */
export type RequestError =
  | InvalidRequest
  | PromptNotFound
  | VersionNotFound
  | NoActiveVersion
  | ModeMismatch
  | TemplateSyntaxError
  | TemplateForbidden
  | RenderError
  | IdempotencyKeyReused

/** Runs prompts, now or later, and answers for what was run. */
export class Executions extends Context.Service<
  Executions,
  {
    /**
     * Runs a prompt and waits for the answer. The call is made and recorded to its end even when nobody waits for it
     * any more: it is paid for. A process that was told to stop begins none, nor one that has a thousand
     * under way: it dies of `ProcessUnavailable`, except for what an idempotency key stands for already.
     */
    readonly run: (
      project_id: ProjectId,
      door: Door,
      request: ExecutionRequest
    ) => Effect.Effect<Answer<Execution>, RequestError | ExecutionFailed>

    /** Accepts a prompt to be run by a worker. */
    readonly submit: (
      project_id: ProjectId,
      door: Door,
      request: ExecutionRequest
    ) => Effect.Effect<Answer<Accepted>, RequestError>

    /** An execution; with `wait`, as soon as it has ended, or as it stands after so long or when the process is to stop. */
    readonly get: (
      project_id: ProjectId,
      execution_id: ExecutionId,
      wait: Duration.Duration
    ) => Effect.Effect<Execution, ExecutionNotFound>

    readonly lineage: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Lineage, ExecutionNotFound>

    readonly list: (
      project_id: ProjectId,
      filter: ExecutionFilter,
      page: PageRequest<ExecutionPosition>
    ) => Effect.Effect<Page<ExecutionSummary, ExecutionPosition>, InvalidRequest>

    readonly cancel: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Execution, ExecutionNotFound | ExecutionEnded>

    /** The models that come with the service, and those that the project used, by provider and name. */
    readonly models: (
      project_id: ProjectId,
      page: PageRequest<ModelRef>
    ) => Effect.Effect<Page<Model, ModelRef>>
  }
>()("promptledger/services/Executions") {
  static readonly layer = Layer.effect(
    Executions,
    Effect.gen(function* () {
      const cache = yield* PromptCache
      const store = yield* ExecutionStore
      const templates = yield* Templates
      const providers = yield* Providers
      const executor = yield* Executor
      const leases = yield* Leases
      const dispatcher = yield* Dispatcher
      const newId = yield* NewId
      const settings = yield* Settings
      const lifecycle = yield* Lifecycle

      /** The sync calls under way. What is left of them when the time to drain is over is given back. */
      const running = yield* makeFibers
      yield* lifecycle.onStop(
        Effect.andThen(Effect.timeoutOption(running.awaitEmpty, settings.drain), running.interruptAll)
      )

      /** Sync runs whose row the database was to write and did not answer for. */
      const unanswered = yield* makeFibers

      /** Sync runs on their way to a row and a call, which have their room already. */
      let admitted = 0

      const refusal = Effect.gen(function* () {
        if (yield* lifecycle.stopping) return new ProcessUnavailable({ reason: "stopping" })
        const full = running.size() + admitted >= RUNNING
        return full ? new ProcessUnavailable({ reason: "busy" }) : undefined
      })

      const begin = (assignment: Assignment) => running.fork(executor.attempt(assignment))

      /** Begins a run when its row turns out to be written: whoever asks again with its key is answered by it. */
      const beginIfWritten = Effect.fnUntraced(function* (assignment: Assignment) {
        if (unanswered.size() >= RUNNING) return
        yield* unanswered.fork(
          Effect.gen(function* () {
            if (!(yield* leases.turnsOut(assignment)) || (yield* lifecycle.stopping)) return
            yield* begin(assignment)
          })
        )
      })

      /** The model that answers: the one asked for, or the echo where its provider is not set up. */
      const answering = (model: ModelRef): ModelRef =>
        providers.has(model.provider) ? model : { provider: "echo", model_name: "echo" }

      const find = (project_id: ProjectId, execution_id: ExecutionId) =>
        Effect.flatMap(store.get(project_id, execution_id), (execution) =>
          Option.isSome(execution)
            ? Effect.succeed(execution.value)
            : Effect.fail(new ExecutionNotFound({ execution_id }))
        )

      /**
       * Everything up to the row, in the order of design section 6; none is written where the process refuses. An
       * execution that the key stands for ends it early: it is looked for when the row can't be written, since mostly
       * it can.
       */
      const accept = Effect.fnUntraced(function* (
        project_id: ProjectId,
        door: Door,
        mode: ExecutionMode,
        request: ExecutionRequest,
        refused: ProcessUnavailable | undefined
      ) {
        const { prompt_name: name, version_number, correlation_id, variables, idempotency_key: key } = request
        const { environment = DEFAULT_ENVIRONMENT, params = {} } = request
        const asked = {
          name,
          version_number,
          environment,
          variables,
          model: request.model,
          params,
          correlation_id
        }
        const idempotency =
          key === undefined ? undefined : { key, fingerprint: requestFingerprint({ ...asked, mode, door }) }

        const resolved = yield* version_number === undefined
          ? cache.active(project_id, name)
          : cache.version(project_id, name, version_number)
        if (Option.isNone(resolved)) return yield* new PromptNotFound({ prompt_name: name })
        const { prompt, version } = resolved.value
        yield* requireMode(prompt, door === "tracking" ? "execute" : mode === "sync" ? "run" : "submit")

        const make = Effect.gen(function* () {
          if (refused !== undefined) return yield* refused
          if (Option.isNone(version)) {
            return yield* version_number === undefined
              ? new NoActiveVersion({ prompt_name: name })
              : new VersionNotFound({ prompt_name: name, version_number })
          }
          const template = yield* templates.get(version.value)
          return { version: version.value, rendered_prompt: yield* template.render(variables) }
        })
        const made = yield* Effect.result(make)
        if (Result.isFailure(made)) {
          const taken =
            idempotency === undefined ? Option.none() : yield* store.keyed(project_id, name, idempotency.key)
          if (Option.isSome(taken)) return yield* known(project_id, taken.value, idempotency!)
          const { failure } = made
          return yield* failure._tag === "ProcessUnavailable" ? Effect.die(failure) : Effect.fail(failure)
        }

        const { rendered_prompt } = made.success
        const { version_id, version_number: number } = made.success.version
        const model = yield* store.model(answering(request.model ?? settings.default_model))
        const execution_id = ExecutionId.make(newId())
        const assignment = {
          execution_id,
          epoch: 1,
          mode,
          attempts: 1,
          model,
          params,
          rendered_prompt
        }
        const insert = store.insert(
          {
            execution_id,
            project_id,
            prompt_id: prompt.prompt_id,
            version_id,
            active_only: version_number === undefined,
            model_id: model.model_id,
            environment,
            mode,
            correlation_id,
            idempotency,
            params,
            variables,
            rendered_prompt: truncate(rendered_prompt, MAX_PROMPT_BYTES)
          },
          settings.lease
        )
        const inserted = yield* mode === "sync" && key !== undefined
          ? Effect.tapDefect(insert, (defect) =>
              defect instanceof DatabaseUnavailable ? beginIfWritten(assignment) : Effect.void
            )
          : insert
        if (inserted._tag === "Taken") return yield* known(project_id, inserted, idempotency!)
        if (inserted._tag === "Superseded") return inserted
        return { _tag: "New" as const, execution_id, version_number: number, assignment }
      })

      /** The execution that the key stands for. Dropped for its age meanwhile, it leaves the key free. */
      const known = Effect.fnUntraced(function* (
        project_id: ProjectId,
        taken: KeyedExecution,
        { key, fingerprint }: NonNullable<NewExecution["idempotency"]>
      ) {
        yield* requireSameRequest(taken, key, fingerprint)
        const execution = yield* store.get(project_id, taken.execution_id)
        return Option.isSome(execution)
          ? { _tag: "Known" as const, answer: { ...execution.value, replayed: true } }
          : { _tag: "Superseded" as const }
      })

      /**
       * Accepts by the release that is active when the row is written, and by what the key stands for by then: another
       * than this process knew makes it look again, for 0.2 s.
       */
      const acceptCurrent = Effect.fnUntraced(function* (
        project_id: ProjectId,
        door: Door,
        mode: ExecutionMode,
        request: ExecutionRequest,
        refused?: ProcessUnavailable
      ) {
        yield* checkExecutionRequest(request)
        for (let tries = 1; tries <= RELEASES_TRIED; tries++) {
          const accepted = yield* accept(project_id, door, mode, request, refused)
          if (accepted._tag !== "Superseded") return accepted
          yield* cache.forget(project_id, [request.prompt_name])
          // Moved just now, most often, and read anew at once; after that a replica may have to catch up.
          if (tries > 1) yield* Effect.sleep(RELEASE_PAUSE)
        }
        const cause = new Error("reads do not see the release that writes see")
        return yield* Effect.die(new DatabaseUnavailable({ cause }))
      })

      const start = Effect.fnUntraced(function* (
        project_id: ProjectId,
        door: Door,
        request: ExecutionRequest,
        refused?: ProcessUnavailable
      ) {
        const accepted = yield* acceptCurrent(project_id, door, "sync", request, refused)
        if (accepted._tag === "Known") return accepted
        return { ...accepted, fiber: yield* begin(accepted.assignment) }
      })

      /** Starts a run where there is room for it, and only looks for what its key stands for where there is none. */
      const admit = Effect.fnUntraced(function* (
        project_id: ProjectId,
        door: Door,
        request: ExecutionRequest
      ) {
        const refused = yield* refusal
        if (refused !== undefined) return yield* start(project_id, door, request, refused)
        admitted++
        return yield* Effect.ensuring(
          start(project_id, door, request),
          Effect.sync(() => admitted--)
        )
      })

      const run = Effect.fnUntraced(function* (project_id: ProjectId, door: Door, request: ExecutionRequest) {
        // From the row on the call is made, whether or not anybody still waits for it.
        const started = yield* Effect.uninterruptible(admit(project_id, door, request))
        if (started._tag === "Known") return started.answer
        const exit = yield* Fiber.await(started.fiber)
        if (Exit.isFailure(exit) && !Exit.hasInterrupts(exit)) return yield* Effect.failCause(exit.cause)
        const result = Option.flatten(Exit.getSuccess(exit))
        if (Option.isSome(result)) {
          const { execution, end, error } = result.value
          if (end._tag === "Succeeded")
            return { ...execution, response_text: end.response.text, replayed: false }
          return yield* new ExecutionFailed({
            execution_id: execution.execution_id,
            error_type: end.error_type,
            error_message: end.error_message,
            retry_after: error === undefined ? Option.none() : respected(error.retry_after)
          })
        }
        const execution = yield* Effect.orDie(find(project_id, started.execution_id))
        if (execution.status !== "failed") return { ...execution, replayed: false }
        return yield* new ExecutionFailed({
          execution_id: execution.execution_id,
          error_type: execution.error_type!,
          error_message: execution.error_message!,
          retry_after: Option.none()
        })
      }, spanned("Executions.run"))

      const submit = Effect.fnUntraced(function* (
        project_id: ProjectId,
        door: Door,
        request: ExecutionRequest
      ) {
        const accepted = yield* acceptCurrent(project_id, door, "async", request)
        if (accepted._tag === "Known") return accepted.answer
        const { execution_id, version_number } = accepted
        yield* dispatcher.send({ execution_id, epoch: 0 })
        const { prompt_name } = request
        return {
          execution_id,
          status: "queued",
          mode: "async",
          prompt_name,
          version_number,
          replayed: false
        } as const
      }, spanned("Executions.submit"))

      const awaitEnd = (project_id: ProjectId, execution_id: ExecutionId) =>
        store.status(project_id, execution_id).pipe(
          Effect.repeat({
            schedule: LOOKS,
            until: (status) =>
              Option.isNone(status) || isTerminal(status.value) ? Effect.succeed(true) : lifecycle.stopping
          })
        )

      return Executions.of({
        run,
        submit,
        get: (project_id, execution_id, wait) => {
          const found = find(project_id, execution_id)
          return spanned("Executions.get")(
            Duration.isPositive(wait)
              ? Effect.andThen(Effect.timeoutOption(awaitEnd(project_id, execution_id), wait), found)
              : found
          )
        },
        lineage: Effect.fn("Executions.lineage")(function* (project_id, execution_id) {
          const lineage = yield* store.lineage(project_id, execution_id)
          return Option.isSome(lineage) ? lineage.value : yield* new ExecutionNotFound({ execution_id })
        }),
        list: Effect.fn("Executions.list")(function* (project_id, filter, page) {
          yield* checkExecutionFilter(filter)
          return yield* paged(
            page,
            (more) => store.list(project_id, filter, more),
            ({ created_at, execution_id }) => ({ created_at, execution_id })
          )
        }),
        cancel: Effect.fn("Executions.cancel")(function* (project_id, execution_id) {
          const outcome = yield* store.cancel(project_id, execution_id)
          if (Option.isNone(outcome)) return yield* new ExecutionNotFound({ execution_id })
          const { canceled, status } = outcome.value
          if (!canceled) return yield* new ExecutionEnded({ execution_id, status })
          if (status === "running") yield* Metric.update(attemptsWith("canceled"), 1)
          return yield* Effect.tap(find(project_id, execution_id), logEnd)
        }),
        models: Effect.fn("Executions.models")((project_id, page) =>
          paged(
            page,
            (more) => store.models(project_id, more),
            ({ provider, model_name }) => ({ provider, model_name })
          )
        )
      })
    })
  )
}
