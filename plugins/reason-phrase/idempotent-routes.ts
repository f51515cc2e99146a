import { inspect } from 'node:util'
import type { FastifyContextConfig, FastifyInstance, RouteOptions } from 'fastify'
import { OPERATIONS } from '../../lib/idempotency/outcome-routes.js'
import { createRouteError } from './route-name.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whether a request can or must have an `Idempotency-Key`. A request with a key takes effect once, however often it
     * is sent. Requires the plugin `fastify-reason-phrase/idempotency`.
     */
    idempotency?: 'optional' | 'required' | undefined
    /**
     * `'shared'`: the effects of several requests are committed in one transaction. The plugin begins no transaction for the
     * route, and the handler commits its effects with `request.commitWith()`.
     */
    transaction?: 'shared' | undefined
  }
}

/** Marks the config of a route whose keys the idempotency plugin handles. */
const kIsIdempotent = Symbol('fastify-reason-phrase.is-idempotent')

/** The key of the config of an outcome route under which it has the idempotent routes. */
const kOperations = Symbol(OPERATIONS)

type Marked = FastifyContextConfig & { [kIsIdempotent]?: true, [kOperations]?: readonly RouteOptions[] }

// The safe methods of the IANA registry (RFC 9110 section 16.1.1). A request with a safe method has no effect.
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'QUERY', 'REPORT', 'SEARCH', 'TRACE'])

/** Marks a route whose keys the idempotency plugin handles. The plugin calls it in its `onRoute` hook. */
export function markIdempotent (route: RouteOptions): void {
  // A copy, because several routes can share a config.
  const config: Marked = { ...route.config, [kIsIdempotent]: true }
  route.config = config
}

/** Returns whether the idempotency plugin handles the keys of the route with this config. */
export function isIdempotent (config: FastifyContextConfig): boolean {
  return (config as Marked)[kIsIdempotent] === true
}

/**
 * Returns the config of an outcome route, which returns the outcome of a key, or closes the key.
 *
 * @param operations the idempotent routes. More routes can be added until the service starts
 */
export function createOutcomeConfig (config: FastifyContextConfig, operations: readonly RouteOptions[]): FastifyContextConfig {
  const marked: Marked = { ...config, [kOperations]: operations }
  return marked
}

/** Returns whether the route with this config is an outcome route. The path of an outcome route ends with the key, as `/*`. */
export function isOutcomeRoute (config: FastifyContextConfig | undefined): boolean {
  return getOperations(config) !== undefined
}

/** Returns the idempotent routes of an outcome route; undefined for any other route. */
export function getOperations (config: FastifyContextConfig | undefined): readonly RouteOptions[] | undefined {
  return (config as Marked | undefined)?.[kOperations]
}

/** Fails the start of a service with a route whose `config.idempotency` or `config.transaction` is invalid or has no effect. */
export function checkIdempotentRoutes (app: FastifyInstance): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', route => { routes.push(route) })
  // Check at the start, because the hook of another plugin may change the config later.
  app.addHook('onReady', done => {
    for (const route of routes.splice(0)) {
      const problem = findProblem(route)
      if (problem !== undefined) return done(createRouteError(route, problem))
    }
    done()
  })
}

/** Returns the problem with `config.idempotency` or `config.transaction` of a route; undefined if both are valid. */
function findProblem (route: RouteOptions): string | undefined {
  const { idempotency, reasonPhrase, transaction } = route.config ?? {}
  if (idempotency === undefined && transaction === undefined) return undefined
  if (idempotency === undefined) return 'it has config.transaction, but no config.idempotency. Add it, or remove config.transaction'
  if (transaction !== undefined && transaction !== 'shared') return `config.transaction must be 'shared' or left out, not ${inspect(transaction)}`
  if (idempotency !== 'optional' && idempotency !== 'required') return `config.idempotency must be 'optional' or 'required', not ${inspect(idempotency)}`
  const safe = [route.method].flat().find(method => SAFE_METHODS.has(method))
  if (safe !== undefined) return `it has config.idempotency, but ${safe} requests have no effect. Remove it, or register ${safe} as a route of its own`
  if (reasonPhrase === false) return 'it has config.idempotency and reasonPhrase: false. Remove one of them: only rejections without a body are recorded'
  if (!isIdempotent(route.config!)) {
    return 'it has config.idempotency, but nothing handles its keys. Register fastify-reason-phrase/idempotency before the route, and set config.idempotency where you add the route'
  }
}
