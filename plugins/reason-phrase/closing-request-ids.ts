import type { FastifyInstance } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'
import { recordRequestId } from '../../lib/response/request-id.js'

/** The description of the symbol under which Fastify keeps the function that creates the ids of requests. */
const GENERATE_ID = 'fastify.genReqId'

/**
 * Records the ids of all requests of an instance from now on. If a request arrives while the server closes, Fastify logs its
 * id, but creates no reply that has the id.
 */
export function recordRequestIds (app: FastifyInstance): void {
  const key = findSymbol(app, GENERATE_ID)
  if (key === undefined) return
  const functions = app as unknown as Record<symbol, (request: object) => string>
  const generate = functions[key]!
  functions[key] = function (request) {
    const id = generate.call(this, request)
    recordRequestId(request, id)
    return id
  }
}
