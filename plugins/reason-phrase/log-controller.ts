import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'

/** The description of the symbol under which Fastify keeps its LogController. */
const LOG_CONTROLLER = 'fastify.logController'

/** The functions that have changed a controller, by controller. */
const changesOf = new WeakMap<object, Set<unknown>>()

/** Fastify's LogController. Fastify calls it before the hooks of each request, and for each of its log lines, even without a logger. */
export interface LogController {
  incomingRequest (request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  defaultErrorLog (error: unknown, request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  routeNotFound (request: FastifyRequest, reply: FastifyReply, metadata?: unknown): void
  isLogDisabled (request: FastifyRequest): boolean
}

/**
 * Changes the LogController of an instance, unless the same function has changed it before. Several instances and services may
 * share a controller.
 *
 * @returns false if the controller is frozen, or cannot be found in this version of Fastify
 */
export function changeLogController (app: FastifyInstance, change: (controller: LogController) => void): boolean {
  const symbol = findSymbol(app, LOG_CONTROLLER)
  const controller = symbol && (app as unknown as Record<symbol, LogController>)[symbol]
  if (controller === undefined || !Object.isExtensible(controller)) return false
  const changes = changesOf.get(controller) ?? new Set()
  changesOf.set(controller, changes)
  if (!changes.has(change)) change(controller)
  changes.add(change)
  return true
}
