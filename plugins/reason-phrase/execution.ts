import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import { allowsContent } from '../../lib/content.js'
import { findSymbol } from '../../lib/find-symbol.js'
import { getReply } from '../../lib/response/state.js'
import { isNotImplemented } from './not-implemented.js'

const kIsExecuting = Symbol('fastify-reason-phrase.is-executing')

type TrackedResponse = ServerResponse & { [kIsExecuting]?: true }

/** The description of the symbol under which Fastify keeps the payload stream of a request, after the onRequest hooks. */
const PAYLOAD_STREAM = 'fastify.RequestPayloadStream'

/**
 * Tracks which handlers of an instance are called. Covers the routes and not-found handlers that are added from now on, except
 * handlers for GET, see {@link mayHaveExecuted}.
 */
export function trackExecution (app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    // app.notImplemented does nothing, and is recognized by its identity.
    if (canHaveBody(route) && !isNotImplemented(route)) route.handler = tracked(route.handler)
  })
  const { setNotFoundHandler } = app
  // Fastify has no hook for not-found handlers.
  app.setNotFoundHandler = function (this: FastifyInstance, ...args: unknown[]) {
    const trackedArgs = args.map(arg => typeof arg === 'function' ? tracked(arg as RouteHandlerMethod) : arg)
    return Reflect.apply(setNotFoundHandler, this, trackedArgs)
  } as FastifyInstance['setNotFoundHandler']
}

function canHaveBody ({ method }: RouteOptions): boolean {
  return Array.isArray(method) ? method.some(allowsContent) : allowsContent(method)
}

/**
 * Returns a handler that marks its response, and has the name of the original handler. Other plugins read the name, for example
 * for their traces. Defining a name takes microseconds for each route, so the two most common names are in the code.
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
 * Returns whether the service may have done something for a request whose body breaks off. This is so if the handler was called,
 * if the reply is hijacked, or if a hook reads the body, for example the hook of a Connect middleware. Fastify's own parsers do
 * not count. For GET it is always `true`, because Fastify calls the handler without waiting for the body.
 */
export function mayHaveExecuted (response: ServerResponse): boolean {
  if ((response as TrackedResponse)[kIsExecuting] === true) return true
  const reply = getReply(response) as FastifyReply | undefined
  if (reply !== undefined && (reply.sent || !allowsContent(reply.request.method))) return true
  return response.req.readableFlowing !== null && !isParsing(reply?.request)
}

function isParsing (request: FastifyRequest | undefined): boolean {
  // If there is a parsed body, the parser has ended, so the handler or a hook reads the stream.
  if (request?.body !== undefined) return false
  return request !== undefined && findSymbol(request, PAYLOAD_STREAM) !== undefined
}
