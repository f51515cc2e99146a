import type { FastifyRequest } from 'fastify'
import type { ErrorSource } from '../../lib/response/error-channel.js'

/** The message on the diagnostics channel `fastify-reason-phrase:error`: an unsuccessful response that was sent. */
export interface ErrorResponse {
  /** The status code that was sent. */
  statusCode: number
  /** The status code before it was replaced by a status code of the table. */
  originalStatusCode: number
  /** The reason that was sent. Never a private message. */
  reason: string
  source: ErrorSource
  /** The method of the request. Undefined if the request could not be read. */
  method: string | undefined
  /** The URL of the route, such as `/topic/:topicId`. Undefined if there is no route. */
  route: string | undefined
  /** Fastify's `request.id`. Undefined if the request has not reached Fastify. */
  requestId: string | undefined
  /** Fastify's request. Undefined if the request has not reached Fastify. */
  request: FastifyRequest | undefined
}
