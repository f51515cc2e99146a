import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'

/** The description of the symbol under which Fastify keeps its LogController. */
const LOG_CONTROLLER = 'fastify.logController'

/** Fastify's LogController, which it calls for each request before the hooks, and for each line of its own, also without a logger. */
export interface LogController {
  incomingRequest (request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  defaultErrorLog (error: unknown, request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  routeNotFound (request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  isLogDisabled (request: FastifyRequest): boolean
}

/** Returns the LogController of an instance; undefined if it cannot be changed, or if this version of Fastify keeps it elsewhere. */
export function findLogController (app: FastifyInstance): LogController | undefined {
  const symbol = findSymbol(app, LOG_CONTROLLER)
  const controller = symbol && (app as unknown as Record<symbol, LogController>)[symbol]
  return controller !== undefined && Object.isExtensible(controller) ? controller : undefined
}
