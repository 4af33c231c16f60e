import { HttpApi } from "effect/http-api"
import { Api } from "./api/Api.ts"

interface Route {
  readonly method: string
  readonly path: RegExp
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** A path pattern as a regular expression: a parameter is a whole segment up to a colon, any other colon is a plain one. */
const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split(/\/:\w+/)
      .map(escape)
      .join("/[^/]+?")}$`
  )

const routes: ReadonlyArray<Route> = (() => {
  const found: Array<Route> = [
    { method: "GET", path: /^\/docs$/ },
    { method: "GET", path: /^\/openapi\.json$/ }
  ]
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => found.push({ method: endpoint.method, path: patternOf(endpoint.path) })
  })
  return found
})()

/** The methods that a path takes; none when there is nothing at it. */
export const methodsAt = (path: string): ReadonlyArray<string> => [
  ...new Set(routes.filter((route) => route.path.test(path)).map(({ method }) => method))
]
