import type { FastifyRequest } from 'fastify'

/** The method and the URL that name a route in a message. */
export interface NamedRoute {
  readonly method: string | readonly string[]
  readonly url?: string | undefined
}

/**
 * Returns the error for an invalid route.
 *
 * @param problem what is wrong with the route, and what to do
 */
export function createRouteError (route: NamedRoute, problem: string): Error {
  return new Error(describeRoute(route, problem))
}

/**
 * Returns a message about a route.
 *
 * @param problem what is wrong with the route, and what to do
 */
export function describeRoute (route: NamedRoute, problem: string): string {
  return `fastify-reason-phrase: Route ${getRouteName(route)}: ${problem}`
}

/**
 * Returns a message about the route of a request.
 *
 * @param problem what is wrong, and what to do
 */
export function describeRouteOf ({ method, routeOptions: { url } }: FastifyRequest, problem: string): string {
  return describeRoute({ method, url }, problem)
}

/** Returns the methods and the URL of a route, for messages. A not-found handler has no URL. */
export function getRouteName ({ method, url = '(not-found handler)' }: NamedRoute): string {
  return `${[method].flat().join(', ')} ${url}`
}
