/** What names a route. */
export interface NamedRoute {
  readonly method: string | readonly string[]
  readonly url?: string | undefined
}

/**
 * Returns the error for a route that is wrong.
 *
 * @param problem what is wrong with it, and what to do
 */
export function createRouteError (route: NamedRoute, problem: string): Error {
  return new Error(describeRoute(route, problem))
}

/** Returns a message about a route. */
export function describeRoute (route: NamedRoute, problem: string): string {
  return `fastify-reason-phrase: Route ${getRouteName(route)}: ${problem}`
}

/** Returns the methods and the URL of a route, for messages. */
export function getRouteName ({ method, url }: NamedRoute): string {
  return `${[method].flat().join(', ')} ${url}`
}
