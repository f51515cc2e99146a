import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import { allowsContent } from '../../lib/content.js'
import { findSymbol } from '../../lib/find-symbol.js'
import { getReply } from '../../lib/response/state.js'
import { isNotImplemented } from './not-implemented.js'

const kIsExecuting = Symbol('fastify-reason-phrase.is-executing')

type TrackedResponse = ServerResponse & { [kIsExecuting]?: true }

/** Where Fastify keeps the payload that a parser reads, from the end of the onRequest hooks on. */
const PAYLOAD_STREAM = 'fastify.RequestPayloadStream'

/**
 * Tracks which handlers of an instance are called, for the routes and not-found handlers that are added from now on.
 * Handlers for GET are not wrapped, see {@link mayHaveExecuted}.
 */
export function trackExecution (app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    // app.notImplemented does nothing, and is recognized by its identity.
    if (canHaveBody(route) && !isNotImplemented(route)) route.handler = tracked(route.handler)
  })
  const { setNotFoundHandler } = app
  // Fastify has no hook for these.
  app.setNotFoundHandler = function (this: FastifyInstance, ...args: unknown[]) {
    const trackedArgs = args.map(arg => typeof arg === 'function' ? tracked(arg as RouteHandlerMethod) : arg)
    return Reflect.apply(setNotFoundHandler, this, trackedArgs)
  } as FastifyInstance['setNotFoundHandler']
}

function canHaveBody ({ method }: RouteOptions): boolean {
  return Array.isArray(method) ? method.some(allowsContent) : allowsContent(method)
}

/**
 * Returns a handler that marks its response, and has the name of the original. Other plugins read the name, for example
 * for their traces. To define a name takes microseconds for each route, so the two most common names are in the code.
 */
function tracked (original: RouteHandlerMethod): RouteHandlerMethod {
  switch (original.name) {
    case '': return function (request, reply) { return execute(original, this, request, reply) }
    case 'handler': return function handler (request, reply) { return execute(original, this, request, reply) }
    default: return Object.defineProperty<RouteHandlerMethod>(
      function (request, reply) { return execute(original, this, request, reply) },
      'name', { value: original.name, configurable: true }
    )
  }
}

function execute (handler: RouteHandlerMethod, app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): unknown {
  (reply.raw as TrackedResponse)[kIsExecuting] = true
  return handler.call(app, request, reply)
}

/**
 * Returns whether work may have been done for the request of a response whose request body breaks off: its handler
 * was called, its reply is hijacked, or a hook, such as that of Connect middleware, reads its body. Fastify's parsers
 * do no work. For GET it is always `true`, because its handler is called without waiting for the body.
 */
export function mayHaveExecuted (response: ServerResponse): boolean {
  if ((response as TrackedResponse)[kIsExecuting] === true) return true
  const reply = getReply(response) as FastifyReply | undefined
  if (reply !== undefined && (reply.sent || !allowsContent(reply.request.method))) return true
  return response.req.readableFlowing !== null && !isParsing(reply?.request)
}

function isParsing (request: FastifyRequest | undefined): boolean {
  // If there is a body, the parser has ended, and the handler or a hook reads.
  if (request?.body !== undefined) return false
  return request !== undefined && findSymbol(request, PAYLOAD_STREAM) !== undefined
}
