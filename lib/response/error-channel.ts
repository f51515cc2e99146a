import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { getRequestId } from './request-id.js'
import { getError, getMessageSource, getReply, isClientError, setPublisher, takePublisher } from './state.js'

/**
 * The name of the channel of `node:diagnostics_channel` that receives an `ErrorResponse` for each unsuccessful response, after
 * the response was sent.
 */
export const ERROR_CHANNEL = 'fastify-reason-phrase:error'

/**
 * What caused an unsuccessful response:
 *
 * - `decorator`: a reply decorator, such as `reply.notFound()`, or one of the plugins of this package.
 * - `error`: an error that was thrown, or sent as the payload. This includes Fastify's own errors, such as validation errors.
 * - `payload`: a payload with a message, for example from a handler, an upstream or Fastify's not-found handler.
 * - `status`: only a status code, perhaps with a reason phrase, for example from `reply.code(404).send()` or `reply.raw`.
 * - `client-error`: the request could not be read to its end. Node reports it as `clientError`.
 */
export type ErrorSource = 'decorator' | 'error' | 'payload' | 'status' | 'client-error'

const errors = channel(ERROR_CHANNEL)

/**
 * Prepares the channel message for an error whose header section is written. Over HTTP/1.1, the message is published after
 * Node has passed the response to the operating system. It is never published if the connection is lost before that. Does
 * nothing if the channel has no subscriber.
 *
 * @param originalStatusCode the status code before it was normalized
 */
export function prepareMessage (response: ServerResponse, statusCode: number, originalStatusCode: number, reason: string, isHttp2: boolean): void {
  if (!errors.hasSubscribers) return
  const message = createMessage(response, statusCode, originalStatusCode, reason)
  // A subscriber runs in the asynchronous context of the request, for example to find its trace.
  setPublisher(response, AsyncResource.bind(() => { errors.publish(message) }))
  // An HTTP/2 response also emits finish if its stream is lost.
  if (!isHttp2) response.once('finish', () => { publishMessage(response) })
}

/** Publishes the message of an error, unless it was already published or the connection is lost. */
export function publishMessage (response: ServerResponse): void {
  if (!response.destroyed) takePublisher(response)?.()
}

/** Publishes the message of an error that was sent on a connection without a response object. */
export function publishClientError (statusCode: number, originalStatusCode: number, reason: string): void {
  if (!errors.hasSubscribers) return
  const source: ErrorSource = 'client-error'
  errors.publish({ statusCode, originalStatusCode, reason, source, method: undefined, route: undefined, requestId: undefined, request: undefined })
}

/** Returns the message on the channel. The plugin declares its type as `ErrorResponse`. */
function createMessage (response: ServerResponse, statusCode: number, originalStatusCode: number, reason: string): object {
  const reply = getReply(response)
  return {
    statusCode,
    originalStatusCode,
    reason,
    source: findSource(response),
    method: response.req.method,
    route: reply?.routeOptions?.url,
    requestId: getRequestId(response),
    request: reply?.request
  }
}

function findSource (response: ServerResponse): ErrorSource {
  if (isClientError(response)) return 'client-error'
  switch (getMessageSource(response)) {
    case 'reply':
    case 'private-reply':
      return 'decorator'
    // An error handler chose not to send the message of the error.
    case 'none':
    case 'error':
    case 'exposed-error':
      return 'error'
    case 'body':
    case 'private-body':
      return getError(response) === undefined ? 'payload' : 'error'
    case 'unset':
      return getError(response) === undefined ? 'status' : 'error'
  }
}
