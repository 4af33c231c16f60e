import { Effect } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { watch } from "./canaries.ts"

const DIST = join(import.meta.dirname, "../../dist/src")

/** A built entrypoint, running as a process of its own. */
export interface Running {
  readonly pid: number
  /** Everything that it has written so far. */
  readonly output: () => string
  /** Ends when its output has the text, or dies when the process ends without. */
  readonly says: (text: string | RegExp) => Effect.Effect<RegExpMatchArray>
  /** Its exit code, or the signal that ended it. */
  readonly ended: Effect.Effect<number | NodeJS.Signals>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Sends the signal and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Effect.Effect<number | NodeJS.Signals>
}

export type Entrypoint = "http/main" | "worker/main"
type Command = "cli/rebuild" | "cli/retention" | "cli/admin"

/** The arguments by which Node runs a built entrypoint. */
export const built = (entrypoint: Entrypoint | Command): ReadonlyArray<string> => [
  "--disallow-code-generation-from-strings",
  join(DIST, `${entrypoint}.js`)
]

/** How much of a process's output is kept. */
const KEPT = 1_000_000

/** Starts Node with these arguments, with this environment and no other; killed when the scope closes. */
export const startNode = (
  args: ReadonlyArray<string>,
  env: Record<string, string>,
  onOutput = (_text: string) => {}
) =>
  Effect.acquireRelease(
    Effect.sync((): Running => {
      const child = spawn(process.execPath, args, {
        env: { PATH: process.env["PATH"]!, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8")
        stream.on("data", (text: string) => {
          output = (output + text).slice(-KEPT)
          onOutput(text)
        })
      }
      const code = () => child.exitCode ?? child.signalCode
      const ended = Effect.callback<number | NodeJS.Signals>((resume) => {
        if (code() !== null) return resume(Effect.succeed(code()!))
        child.once("close", () => resume(Effect.succeed(code()!)))
      })
      const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
      return {
        pid: child.pid!,
        output: () => output,
        says: (text) =>
          Effect.callback((resume) => {
            const look = () => {
              const found = output.match(text)
              if (found !== null) resume(Effect.succeed(found))
              return found !== null
            }
            if (look()) return
            child.stdout.on("data", look)
            child.stderr.on("data", look)
            child.once("close", () => {
              if (!look()) {
                resume(Effect.die(new Error(`${args.at(-1)} ended (${code()}) and said only:\n${output}`)))
              }
            })
          }),
        ended,
        signal,
        stop: (name = "SIGTERM") => Effect.andThen(signal(name), ended)
      }
    }),
    (running) =>
      Effect.andThen(
        running.stop("SIGKILL"),
        Effect.sync(() => watch(`the output of ${args.at(-1)}`, running.output()))
      )
  )

/** Starts a built entrypoint; killed when the scope closes. */
export const start = (
  entrypoint: Entrypoint | Command,
  env: Record<string, string>,
  ...args: ReadonlyArray<string>
) => startNode([...built(entrypoint), ...args], env)

/** Starts the API on a port of its own choice, and gives its address when it listens. */
export const startApi = Effect.fnUntraced(function* (env: Record<string, string>) {
  const running = yield* start("http/main", { PORT: "0", ...env })
  const [, url] = yield* running.says(/listens on (http:\/\/[\d.]+:\d+)/)
  return { ...running, url: url! }
})
