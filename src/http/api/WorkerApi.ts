import { HttpApi } from "effect/http-api"
import { SystemApi } from "./SystemApi.ts"

/** What a worker answers: whether it is alive, and whether it can work. */
export class WorkerApi extends HttpApi.make("promptledger-worker").add(SystemApi) {}
