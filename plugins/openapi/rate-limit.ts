import type { FastifyInstance, RouteOptions } from 'fastify'

/** An instance that may have the plugin `@fastify/rate-limit`. */
type Limiting = FastifyInstance & { rateLimit?: () => unknown }

/** Returns whether `@fastify/rate-limit` limits the requests of a route. Cannot detect limits that are hooks of an instance. */
export function isRateLimited (app: Limiting, route: RouteOptions): boolean {
  const { rateLimit: limit } = (route.config ?? {}) as { rateLimit?: unknown }
  if (typeof limit === 'object' && limit !== null) return true
  if (typeof app.rateLimit !== 'function') return false
  // The plugin does not expose which routes it limits. It adds a hook to each of them, and all of its hooks have the same code.
  const code = String(app.rateLimit())
  const hooks = [route.onRequest, route.preParsing, route.preValidation, route.preHandler].flat()
  return hooks.some(hook => typeof hook === 'function' && String(hook) === code)
}
