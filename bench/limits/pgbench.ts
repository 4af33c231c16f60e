import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { find } from "../../test/support/servers.ts"

interface Options {
  readonly databaseUrl: string
  readonly seconds: number
  /** Characters of a row's text. */
  readonly length: number
}

/** Rows a second that PostgreSQL's own tool inserts, one a statement and 64; nothing where it is not installed. */
export const pgbench = ({ databaseUrl, seconds, length }: Options) => {
  const program = find("pgbench")
  if (program === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "promptledger-bench-"))
  const rows = (count: number, connections: number) => {
    const script = join(folder, `${count}.sql`)
    writeFileSync(
      script,
      `INSERT INTO bench_rows
        SELECT gen_random_uuid(), repeat('x', ${length}), '{"temperature": 0}', 'queued', now()
        FROM generate_series(1, ${count});\n`
    )
    const args = ["-n", "-M", "prepared", "-c", String(connections), "-j", "2", "-T", String(seconds)]
    const { stdout } = spawnSync(program, [...args, "-f", script, databaseUrl], { encoding: "utf8" })
    return count * Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
  }
  try {
    return { single: rows(1, 16), batch: rows(64, 4) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
