import { mkdirSync, writeFileSync } from "node:fs"
import type { Reporter, TestCase, TestModule } from "vitest/node"
import type { Report } from "./report.ts"

const FIGURES = "test-results/faults.json"

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

const lineOf = (state: string, { number, name, seconds, seed, executions, faults, notes, kit }: Report) =>
  [
    state === "passed" ? "ok  " : "FAIL",
    String(number).padStart(2),
    `${name}${kit === "service" ? "" : ` (${kit})`}:`,
    `${seconds.toFixed(1)} s,`,
    `seed ${seed},`,
    `${plural(executions, "execution")},`,
    [plural(faults, "fault"), ...notes].join(", ")
  ].join(" ")

const sum = (reports: ReadonlyArray<Report>, of: "executions" | "faults" | "lost" | "extraCalls") =>
  reports.reduce((total, report) => total + report[of], 0)

/** One line for each scenario, a table at the end, and the figures as a file. */
export default class FaultReporter implements Reporter {
  private readonly started = Date.now()
  private readonly playing = new Set<string>()
  private readonly reports: Array<Report & { readonly passed: boolean }> = []
  private naive: { caught: ReadonlyArray<number>; missed: ReadonlyArray<number> } | undefined

  onTestCaseReady(test: TestCase) {
    this.playing.add(test.name)
    this.progress()
  }

  onTestCaseResult(test: TestCase) {
    this.playing.delete(test.name)
    const { state, errors } = test.result()
    const { report, naive } = test.meta()
    if (naive !== undefined) this.naive = naive
    if (report !== undefined) this.reports.push({ ...report, passed: state === "passed" })
    this.say(
      report === undefined ? `${state === "passed" ? "ok  " : "FAIL"}    ${test.name}` : lineOf(state, report)
    )
    if (state === "failed") {
      if (report === undefined) for (const { message, stack } of errors) this.say(`${message}\n${stack}`)
      for (const violation of report?.violations ?? []) this.say(`       ${violation}`)
      for (const log of report?.logs ?? []) this.say(log)
    }
    this.progress()
  }

  onUserConsoleLog({ content }: { readonly content: string }) {
    this.say(content.trimEnd())
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<{ readonly message: string }>) {
    const broken = [...modules.flatMap((module) => module.errors()), ...unhandled]
    for (const { message } of broken) this.say(message)
    const figures = this.figures()
    this.say("")
    for (const [name, value] of Object.entries(figures)) this.say(`${name.padEnd(48)} ${value}`)
    mkdirSync("test-results", { recursive: true })
    const scenarios = this.reports.map(({ logs: _, ...report }) => report)
    writeFileSync(FIGURES, `${JSON.stringify({ figures, naive: this.naive, scenarios }, null, 2)}\n`)
  }

  private figures(): Record<string, string | number> {
    const played = this.reports.filter(({ kit }) => kit === "service")
    const recovery = (name: string) => {
      const times = played.flatMap(({ figures }) => figures[name] ?? [])
      return times.length === 0 ? "not played" : `${(Math.max(...times) / 1_000).toFixed(1)} s`
    }
    return {
      "scenarios passed": `${played.filter(({ passed }) => passed).length} of ${played.length}`,
      "executions played": sum(played, "executions"),
      "faults injected": sum(played, "faults"),
      "acknowledged executions lost": sum(played, "lost"),
      "provider calls beyond the allowance": sum(played, "extraCalls"),
      "recovered after a lost worker (lease 4 s)": recovery("worker_lost_ms"),
      "run again after the lease's end (lease 30 s)": recovery("lease_end_ms"),
      "recovered after a Redis wipe": recovery("redis_wipe_ms"),
      "recovered after a PostgreSQL restart": recovery("postgres_restart_ms"),
      "most that a process kept more than at first": `${Math.max(0, ...played.map(({ figures }) => figures["heap_grown_mb"] ?? 0))} MB`,
      "scenarios that catch the naive worker":
        this.naive === undefined
          ? "not played"
          : `${this.naive.caught.length} of ${this.naive.caught.length + this.naive.missed.length}`,
      "whole run": `${((Date.now() - this.started) / 1_000).toFixed(0)} s`
    }
  }

  private say(text: string) {
    process.stdout.write(`${process.stdout.isTTY ? "\r\x1b[K" : ""}${text}\n`)
  }

  private progress() {
    if (!process.stdout.isTTY || this.playing.size === 0) return
    const names = [...this.playing].join("; ")
    process.stdout.write(`\r\x1b[K${names.slice(0, (process.stdout.columns ?? 80) - 1)}`)
  }
}
