import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { isErrorReport } from '../../lib/error-report.js'
import { decodeStart, messageFromBody } from '../../lib/message.js'
import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import {
  clearMessage, getError, getErrorMessage, markLogged, setBodyMessage, setSerializedErrorMessage
} from '../../lib/response/state.js'
import { isServerError } from '../../lib/status-codes.js'
import { serializeByIgnoredSchema } from './route-schemas.js'

/** A serialized payload. */
export type SerializedPayload = string | Uint8Array

/**
 * Who made the payload of an error.
 *
 * - `handler`: the handler, an error handler, or another plugin's hook.
 * - `fastify-error`: Fastify's error serializer.
 * - `not-found`: Fastify's own handler for requests without a route.
 * - `rethrown`: the payload is what was thrown and is no `Error`. Fastify's own error handler sends it as it is.
 * - `upstream`: a stream or a fetch `Response`.
 */
export type PayloadKind = 'handler' | 'fastify-error' | 'not-found' | 'rethrown' | 'upstream'

/**
 * Returns who made the payload of an error.
 *
 * @param payload the payload as the `onSend` hook gets it; or, with `isPending`, the text of an object that was kept
 *   in {@link keepPendingPayloads}
 */
export function classifyPayload (reply: FastifyReply, payload: unknown, isPending = false): PayloadKind {
  if (!isBody(payload)) return 'upstream'
  // Of all payloads after an error, only those of Fastify's error serializer have a length before they are sent.
  if (!isPending && hasError(reply) && reply.hasHeader('content-length')) return 'fastify-error'
  if (isRethrown(reply, payload)) return 'rethrown'
  if (reply.request.is404 && isNotFoundBody(reply, payload)) return 'not-found'
  return 'handler'
}

function hasError ({ raw }: FastifyReply): boolean {
  // undefined can be thrown, too.
  return getErrorMessage(raw) !== undefined || getError(raw) !== undefined
}

/** Returns whether a payload is a text or bytes. */
export function isBody (payload: unknown): payload is SerializedPayload {
  return typeof payload === 'string' || payload instanceof Uint8Array
}

function isRethrown (reply: FastifyReply, body: SerializedPayload): boolean {
  if (getErrorMessage(reply.raw) === undefined) return false
  const error = getError(reply.raw)
  if (error === body) return true
  return typeof error === 'object' && error !== null && !(error instanceof Error) && serialize(reply, error) === body
}

/** Returns the text of an object as Fastify serializes it, or an empty text if that fails. */
export function serialize (reply: FastifyReply, object: unknown): string {
  try {
    return reply.serialize(object as object) as string
  } catch {
    return ''
  }
}

function isNotFoundBody ({ request: { raw } }: FastifyReply, body: SerializedPayload): boolean {
  return messageFromBody(body) === `Route ${raw.method}:${raw.url} not found`
}

/**
 * Takes the message out of a body, and sets it as the message of the response.
 *
 * @param isPending whether the body is the text of an object that was kept
 */
export function extractMessage (reply: FastifyReply, body: SerializedPayload, kind: PayloadKind, isPending: boolean): void {
  const response: ServerResponse = reply.raw
  const text = textToSend(reply, body, kind, isPending)
  switch (kind) {
    case 'fastify-error': {
      const error = getErrorMessage(response)
      // The error was late: an earlier message stays, and our log line has the error.
      if (error === undefined) return
      markLogged(response)
      const message = text === body && endsWithMessage(body, error) ? error : messageFromBody(text)
      if (message !== '') setSerializedErrorMessage(response, message, message === error)
      // A schema of null declares that an error has no body, and leaves its message.
      else if (body !== 'null') clearUnlessShown(reply, text)
      return
    }
    case 'rethrown':
      setSerializedErrorMessage(response, messageFromBody(text), true)
      // Fastify logs the text of what was thrown, but of an object only its message.
      if (getError(response) === body) markLogged(response)
      return
    case 'not-found':
      // Fastify's handler logs it.
      markLogged(response)
  }
  const message = messageFromBody(text)
  if (message !== '') setBodyMessage(response, message, isServerError(reply.statusCode) && isErrorReport(body))
  else if (isPending) clearMessage(response)
  else clearUnlessShown(reply, text)
}

/** Returns the text that would be sent without the plugin: a response schema that was removed still decides what it contains. */
function textToSend (reply: FastifyReply, body: SerializedPayload, kind: PayloadKind, isPending: boolean): SerializedPayload {
  if (isPending) return serializeByIgnoredSchema(reply, body) ?? body
  // If the error does not match the schema, its message stays.
  return kind === 'fastify-error' ? serializeByIgnoredSchema(reply, body) || body : body
}

/** Clears the message of an error, unless the body contains it. HTML may, and a compressed body cannot be searched. */
function clearUnlessShown (reply: FastifyReply, body: SerializedPayload): void {
  const error = getErrorMessage(reply.raw)
  if (error === undefined || reply.hasHeader('content-encoding') || contains(body, error)) return
  clearMessage(reply.raw)
}

/** Returns whether a text is in a body, also with escapes of HTML or JSON. */
function contains (body: SerializedPayload, text: string): boolean {
  return lettersOf(decodeStart(body)).includes(lettersOf(text.slice(0, MAX_HEADER_LENGTH)))
}

function lettersOf (text: string): string {
  return text.replace(/&#?\w{1,8};|\\(?:u[\da-f]{4}|.)|[^\p{L}\p{N}]/giu, '')
}

/**
 * Returns whether a body ends as Fastify's serialized errors do, with a message in which nothing is escaped. To parse
 * the body would cost more than the rest of the hook.
 */
function endsWithMessage (body: SerializedPayload, message: string): boolean {
  if (typeof body !== 'string') return false
  const end = body.length - 2
  return body.endsWith('"}') && body.endsWith(message, end) && body.endsWith('"message":"', end - message.length)
}
