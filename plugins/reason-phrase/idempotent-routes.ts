import { inspect } from 'node:util'
import type { FastifyContextConfig, FastifyInstance, RouteOptions } from 'fastify'
import { OPERATIONS } from '../../lib/idempotency/outcome-routes.js'
import { createRouteError } from './route-name.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Whether a request can or must have an `Idempotency-Key`. A request with a key takes effect once, however often it
     * is sent. It requires the plugin `fastify-reason-phrase/idempotency`.
     */
    idempotency?: 'optional' | 'required' | undefined
    /**
     * `'shared'` for a route whose effects are committed together with those of other requests, in one transaction. The plugin
     * begins none. The handler gives its effects to `request.commitWith()`.
     */
    transaction?: 'shared' | undefined
  }
}

/** Where the config of a route says that the idempotency plugin handles its keys. */
const kIsIdempotent = Symbol('fastify-reason-phrase.is-idempotent')

/** Where the config of an outcome route has the routes of the operations whose outcomes it tells. */
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
 * Returns the config of a route that tells the outcome of a key, or that settles it.
 *
 * @param operations the idempotent routes. More of them can be added until the service starts
 */
export function createOutcomeConfig (config: FastifyContextConfig, operations: readonly RouteOptions[]): FastifyContextConfig {
  const marked: Marked = { ...config, [kOperations]: operations }
  return marked
}

/** Returns whether the route with this config tells the outcome of a key, or settles it. Its path ends with `/*`, where the key is. */
export function isOutcomeRoute (config: FastifyContextConfig | undefined): boolean {
  return getOperations(config) !== undefined
}

/** Returns the idempotent routes whose outcomes a route tells; undefined if it tells none. */
export function getOperations (config: FastifyContextConfig | undefined): readonly RouteOptions[] | undefined {
  return (config as Marked | undefined)?.[kOperations]
}

/** Fails the start of a service with a route whose `config.idempotency` or `config.transaction` is invalid or has no effect. */
export function checkIdempotentRoutes (app: FastifyInstance): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', route => { routes.push(route) })
  // A later hook of another plugin can change the config of a route.
  app.addHook('onReady', done => {
    for (const route of routes.splice(0)) {
      const problem = findProblem(route)
      if (problem !== undefined) return done(createRouteError(route, problem))
    }
    done()
  })
}

/** Returns what is wrong with `config.idempotency` and `config.transaction` of a route; undefined if nothing is. */
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
