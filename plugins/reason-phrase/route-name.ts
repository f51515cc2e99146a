import type { RouteOptions } from 'fastify'

/** Returns the methods and the URL of a route, for messages. */
export function getRouteName ({ method, url }: RouteOptions): string {
  return `${[method].flat().join(', ')} ${url}`
}
