import { HttpApi } from "effect/http-api"
import type { HttpApiGroup } from "effect/http-api"

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

/** Tells the methods that a path takes, of an API's or of pages beside it; none when there is nothing at it. */
export const routesOf = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  pages: ReadonlyArray<string> = []
) => {
  const routes: Array<Route> = pages.map((page) => ({ method: "GET", path: patternOf(page) }))
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => routes.push({ method: endpoint.method, path: patternOf(endpoint.path) })
  })
  return (path: string): ReadonlyArray<string> => [
    ...new Set(routes.filter((route) => route.path.test(path)).map(({ method }) => method))
  ]
}
