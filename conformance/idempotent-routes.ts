import type { RouteOptions } from 'fastify'
import { findSymbol } from '../lib/find-symbol.js'
import { OPERATIONS } from '../lib/idempotency/outcome-routes.js'
import type { IdempotencyOptions } from './probes/idempotency.js'
import { isRequestOf } from './probes/routes.js'
import { throwConflict } from './resolve-contract.js'

/**
 * Returns the options for idempotency keys. Takes missing options from the routes of the service: the path of the outcome
 * routes, and whether a request must have a key.
 *
 * @throws {TypeError} if the option `outcomes` differs from the path of the service
 */
export function completeIdempotency ({ idempotent = [], outcomes, otherHeaders }: IdempotencyOptions, routes: readonly RouteOptions[]): IdempotencyOptions {
  const paths = new Set(routes.filter(isOutcomeRoute).map(({ url }) => url.replace(/\/\*$/, '')))
  const [path] = paths
  if (outcomes !== undefined && path !== undefined && !paths.has(outcomes)) throwConflict('outcomes', outcomes, path)
  return {
    idempotent: idempotent.map(request => ({
      ...request,
      required: request.required ?? routes.some(route => route.config?.idempotency === 'required' && isRequestOf(route, request))
    })),
    outcomes: outcomes ?? path,
    otherHeaders
  }
}

function isOutcomeRoute ({ config = {} }: RouteOptions): boolean {
  return findSymbol(config, OPERATIONS) !== undefined
}
