import { execFileSync, spawn, spawnSync } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

/*
 * PostgreSQL and Redis for the tests. Each is looked for in turn: a server that the environment names, binaries on this
 * machine, Docker by the compose file, and packages of Debian's when run as root there.
 */

/** A server for the tests, and how to be rid of it again. */
export interface TestServer {
  readonly url: string
  readonly stop: () => Promise<void>
}

interface Kind {
  readonly name: string
  /** The environment variable that names a running server. */
  readonly variable: string
  readonly programs: ReadonlyArray<string>
  readonly start: (programs: ReadonlyArray<string>) => Promise<TestServer>
  readonly compose: {
    readonly service: string
    readonly portVariable: string
    readonly url: (port: number) => string
  }
  readonly packages: ReadonlyArray<string>
}

const LOOKED_FOR_BEYOND_PATH = ["/usr/local/bin", "/opt/homebrew/bin", "/usr/local/opt/postgresql/bin"]

/** Debian keeps each version of PostgreSQL in a folder of its own; the newest comes first. */
const versionFolders = (): ReadonlyArray<string> => {
  try {
    const versions = readdirSync("/usr/lib/postgresql").filter((version) => Number(version) >= 15)
    return versions
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => `/usr/lib/postgresql/${version}/bin`)
  } catch {
    return []
  }
}

export const find = (program: string): string | undefined => {
  const folders = [
    ...versionFolders(),
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...LOOKED_FOR_BEYOND_PATH
  ]
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** Who runs the servers: they refuse to run as root, so root takes an account without rights. */
export const serverAccount = (): { uid?: number; gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n")
  const account = ["postgres", "nobody"].flatMap((name) =>
    accounts.filter((line) => line.startsWith(`${name}:`))
  )[0]
  const [, , uid, gid] = account!.split(":")
  return { uid: Number(uid), gid: Number(gid) }
}

const temporaryFolder = (name: string, owner: { uid?: number; gid?: number }): string => {
  const folder = mkdtempSync(join(tmpdir(), `promptledger-${name}-`))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid!)
  return folder
}

const delay = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

const untilReady = async (name: string, child: ChildProcess, ready: () => Promise<boolean>) => {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null)
      throw new Error(`${name} ended with code ${child.exitCode} instead of starting`)
    if (await ready()) return
    await delay(50)
  }
  throw new Error(`${name} did not become ready`)
}

const end = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const patience = setTimeout(() => child.kill("SIGKILL"), 10_000)
    child.once("exit", () => {
      clearTimeout(patience)
      resolve()
    })
    child.kill(signal)
  })

/** A server that a test may also kill, freeze, and start again where it was. */
export interface OwnServer extends TestServer {
  readonly folder: string
  readonly pid: () => number
  /** Ends it at once, with no time to tidy up. */
  readonly kill: () => Promise<void>
  /** Starts it again, on the same port and over what its folder still has. */
  readonly start: () => Promise<void>
  /** Stops the clock of all its processes. */
  readonly pause: () => void
  readonly resume: () => void
  readonly running: () => boolean
}

interface Program {
  readonly name: string
  readonly url: string
  readonly folder: string
  readonly launch: () => ChildProcess
  readonly ready: () => Promise<boolean>
  /** What ends it in order, and what at once. */
  readonly signals: { readonly stop: NodeJS.Signals; readonly kill: NodeJS.Signals }
}

const childrenOf = (pid: number): ReadonlyArray<number> =>
  spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
    .stdout.split("\n")
    .filter(Boolean)
    .map(Number)

const signalAll = (pids: ReadonlyArray<number>, signal: NodeJS.Signals) => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}

const ownServer = async ({ name, url, folder, launch, ready, signals }: Program): Promise<OwnServer> => {
  let child = launch()
  let frozen: ReadonlyArray<number> = []
  await untilReady(name, child, ready)
  const running = () => child.exitCode === null && child.signalCode === null
  const resume = () => {
    signalAll(frozen, "SIGCONT")
    frozen = []
  }
  return {
    url,
    folder,
    running,
    pid: () => child.pid!,
    kill: () => {
      resume()
      return end(child, signals.kill)
    },
    start: async () => {
      if (running()) return
      child = launch()
      await untilReady(name, child, ready)
    },
    pause: () => {
      // The parent first: then there are no more children than those that are found.
      process.kill(child.pid!, "SIGSTOP")
      frozen = [...childrenOf(child.pid!), child.pid!]
      signalAll(frozen, "SIGSTOP")
    },
    resume,
    stop: async () => {
      resume()
      await end(child, signals.stop)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export interface PostgresOptions {
  /** Where its data goes; a temporary folder unless told. It must belong to `serverAccount()`. */
  readonly folder?: string
  readonly initdb?: ReadonlyArray<string>
  readonly settings?: Record<string, string>
}

const launchPostgres = (
  [initdb, server, isReady]: ReadonlyArray<string>,
  { folder: given, initdb: initdbOptions = [], settings: more = {} }: PostgresOptions = {}
): Promise<OwnServer> => {
  const owner = serverAccount()
  const folder = given ?? temporaryFolder("postgres", owner)
  execFileSync(
    initdb!,
    ["-D", folder, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", ...initdbOptions],
    { ...owner, stdio: "ignore" }
  )
  return freePort().then((port) => {
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: folder,
      max_connections: "300",
      fsync: "off",
      ...more
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    return ownServer({
      name: "PostgreSQL",
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      folder,
      launch: () =>
        spawn(server!, ["-D", folder, "-p", String(port), ...flags], { ...owner, stdio: "ignore" }),
      ready: async () =>
        spawnSync(isReady!, ["-h", "127.0.0.1", "-p", String(port)], { stdio: "ignore" }).status === 0,
      // SIGQUIT ends its children too, which a SIGKILL would leave behind.
      signals: { stop: "SIGINT", kill: "SIGQUIT" }
    })
  })
}

const launchRedis = async (
  [server]: ReadonlyArray<string>,
  more: ReadonlyArray<string> = []
): Promise<OwnServer> => {
  const owner = serverAccount()
  const folder = temporaryFolder("redis", owner)
  const port = await freePort()
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder]
  const nothingOnDisk = ["--save", "", "--appendonly", "no"]
  return ownServer({
    name: "Redis",
    url: `redis://127.0.0.1:${port}`,
    folder,
    launch: () => spawn(server!, [...settings, ...nothingOnDisk, ...more], { ...owner, stdio: "ignore" }),
    ready: () => accepts(port),
    signals: { stop: "SIGTERM", kill: "SIGKILL" }
  })
}

const postgres: Kind = {
  name: "PostgreSQL",
  variable: "TEST_DATABASE_URL",
  programs: ["initdb", "postgres", "pg_isready"],
  start: (programs) => launchPostgres(programs),
  compose: {
    service: "postgres",
    portVariable: "POSTGRES_PORT",
    url: (port) => `postgres://promptledger:promptledger@127.0.0.1:${port}/promptledger`
  },
  packages: ["postgresql"]
}

const redis: Kind = {
  name: "Redis",
  variable: "TEST_REDIS_URL",
  programs: ["redis-server"],
  start: (programs) => launchRedis(programs),
  compose: { service: "redis", portVariable: "REDIS_PORT", url: (port) => `redis://127.0.0.1:${port}` },
  packages: ["redis-server"]
}

const programsOf = ({ name, programs, packages }: Kind): ReadonlyArray<string> => {
  const found = programs.map(find)
  if (found.every((program) => program !== undefined)) return found
  throw new Error(
    `Faults of ${name} need its programs (${programs.join(", ")}): install ${packages.join(", ")}.`
  )
}

/** A PostgreSQL of the test's own, whatever server the others use. */
export const ownPostgres = async (options?: PostgresOptions): Promise<OwnServer> =>
  launchPostgres(programsOf(postgres), options)

/** A Redis of the test's own, empty at each start. */
export const ownRedis = async (settings?: ReadonlyArray<string>): Promise<OwnServer> =>
  launchRedis(programsOf(redis), settings)

const byBinaries = async (kind: Kind): Promise<TestServer | undefined> => {
  const programs = kind.programs.map(find)
  return programs.every((program) => program !== undefined) ? kind.start(programs) : undefined
}

const byDocker = async ({ name, compose }: Kind): Promise<TestServer | undefined> => {
  if (spawnSync("docker", ["info"], { stdio: "ignore", timeout: 10_000 }).status !== 0) return undefined
  const port = await freePort()
  const project = ["compose", "-p", `promptledger-test-${compose.service}-${port}`]
  const env = { ...process.env, [compose.portVariable]: String(port) }
  const run = (...command: ReadonlyArray<string>) =>
    spawnSync("docker", [...project, ...command], { env, stdio: "ignore" }).status === 0
  if (!run("up", "-d", "--wait", compose.service)) throw new Error(`${name} did not start in Docker`)
  return {
    url: compose.url(port),
    stop: async () => {
      run("down", "-v")
    }
  }
}

const byPackages = async (kind: Kind): Promise<TestServer | undefined> => {
  if (process.getuid?.() !== 0 || find("apt-get") === undefined) return undefined
  console.log(`tests: installing ${kind.name} (apt-get install ${kind.packages.join(" ")})`)
  // In run level 1 Debian's packages start no service of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
  const apt = (...command: ReadonlyArray<string>) =>
    spawnSync("apt-get", ["-qq", ...command], { env, stdio: ["ignore", "ignore", "inherit"] }).status === 0
  if (!apt("update") || !apt("install", "-y", "--no-install-recommends", ...kind.packages)) return undefined
  return byBinaries(kind)
}

const provide = async (kind: Kind): Promise<TestServer> => {
  const url = process.env[kind.variable]
  if (url !== undefined && url !== "") return { url, stop: async () => {} }
  const server = (await byBinaries(kind)) ?? (await byDocker(kind)) ?? (await byPackages(kind))
  if (server !== undefined) return server
  throw new Error(
    `The tests need ${kind.name}: install it (${kind.packages.join(", ")}), start Docker, or set ${kind.variable}.`
  )
}

export const providePostgres = (): Promise<TestServer> => provide(postgres)
export const provideRedis = (): Promise<TestServer> => provide(redis)
