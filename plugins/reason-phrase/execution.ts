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
  return [method].flat().some(allowsContent)
}

function tracked (handler: RouteHandlerMethod): RouteHandlerMethod {
  const wrapper: RouteHandlerMethod = function (request, reply) {
    (reply.raw as TrackedResponse)[kIsExecuting] = true
    return handler.call(this, request, reply)
  }
  // Other plugins read the name, for example for their traces.
  return Object.defineProperty(wrapper, 'name', { value: handler.name, configurable: true })
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
