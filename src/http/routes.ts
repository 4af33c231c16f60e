import { HttpApi } from "effect/http-api"
import type { HttpApiGroup } from "effect/http-api"

interface Route {
  readonly method: string
  readonly path: RegExp
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/**
 * A path pattern as a regular expression, as careless of case and slashes as the framework's router: a parameter is a whole
 * segment up to a colon, any other colon is a plain one.
 */
const patternOf = (path: string): RegExp => {
  const pattern = path
    .split(/\/:\w+/)
    .map(escape)
    .join("/[^/]+?")
  return new RegExp(`^${pattern}/?$`, "i")
}

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
  return (path: string): ReadonlyArray<string> => {
    const plain = path.replaceAll(/\/{2,}/g, "/")
    const methods = routes.filter((route) => route.path.test(plain)).map(({ method }) => method)
    return [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))]
  }
}
