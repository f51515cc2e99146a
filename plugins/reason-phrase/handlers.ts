import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { replyOf } from '../../lib/response/response.js'
import { isNotImplemented } from './not-implemented.js'

const kBegun = Symbol('fastify-reason-phrase.begun')

// Where Fastify keeps the payload that a parser reads, from the end of the onRequest hooks on.
const PAYLOAD = 'fastify.RequestPayloadStream'

/**
 * Notes on the response of each request that its handler is called, for the
 * routes and the not-found handlers that are added to an instance from now on.
 */
export function noteHandlers (app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    // That one is known by its handler, and does nothing.
    if (!isNotImplemented(route)) route.handler = noting(route.handler)
  })
  const { setNotFoundHandler } = app
  // No hook tells of these.
  app.setNotFoundHandler = function (this: FastifyInstance, ...args: unknown[]) {
    return setNotFoundHandler.apply(this, args.map(arg => typeof arg === 'function' ? noting(arg as RouteHandlerMethod) : arg) as never)
  } as FastifyInstance['setNotFoundHandler']
}

function noting (handler: RouteHandlerMethod): RouteHandlerMethod {
  return function (request, reply) {
    (reply.raw as ServerResponse & { [kBegun]?: boolean })[kBegun] = true
    return handler.call(this, request, reply)
  }
}

/**
 * Whether somebody may have done work for the request of a response: its
 * handler has been called, its reply is hijacked, or a hook, such as that of
 * Connect middleware, reads its body. Fastify's parsers do no work.
 */
export function hasBegun (response: ServerResponse): boolean {
  if ((response as ServerResponse & { [kBegun]?: boolean })[kBegun] === true) return true
  const reply = replyOf(response) as FastifyReply | undefined
  return reply?.sent === true || (response.req.readableFlowing !== null && !isParsing(reply?.request))
}

function isParsing (request: FastifyRequest | undefined): boolean {
  // A parser that passes the payload on has ended, and whoever reads it is no parser.
  if (request?.body !== undefined) return false
  return Object.getOwnPropertySymbols(Object(request)).some(({ description }) => description === PAYLOAD)
}
