import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { isErrorReport, isSerializedError } from '../../lib/error-report.js'
import { isJson } from '../../lib/media-type.js'
import { decodeStart, messageFromBody } from '../../lib/message.js'
import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { warnOfLostContent } from '../../lib/response/lost-content.js'
import {
  clearMessage, getError, getErrorMessage, getFrameworkLine, setBodyMessage, setFrameworkLine, setSerializedErrorMessage
} from '../../lib/response/state.js'
import { isServerError } from '../../lib/status-codes.js'
import { notFoundMessage } from './framework-lines.js'
import { serializeByIgnoredSchema } from './route-schemas.js'
import { getSentPayload, isRecording } from './sent-payload.js'

/** A serialized payload. */
export type SerializedPayload = string | Uint8Array

/**
 * The source of the payload of an error.
 *
 * - `handler`: the handler, an error handler, or a hook of another plugin.
 * - `fastify-error`: Fastify's error serializer.
 * - `not-found`: Fastify's own not-found handler.
 * - `rethrown`: a thrown value that is not an `Error`. Fastify's own error handler sends the value unchanged.
 * - `upstream`: a stream or a fetch `Response`.
 */
export type PayloadKind = 'handler' | 'fastify-error' | 'not-found' | 'rethrown' | 'upstream'

/** Returns the source of the payload that an `onSend` hook gets for an error. */
export function classifyPayload (reply: FastifyReply, payload: unknown): PayloadKind {
  if (!isBody(payload)) return 'upstream'
  if (isRecording(reply)) {
    const sent = getSentPayload(reply)
    if (sent instanceof Error) return 'fastify-error'
    if (sent === getError(reply.raw)) return 'rethrown'
  } else if (reply.hasHeader('content-length') && isSerializedError(reply.statusCode, payload)) {
    // The onError hook of another plugin has thrown, so our onError hook did not run.
    return 'fastify-error'
  }
  return reply.request.is404 && isNotFoundBody(reply, payload) ? 'not-found' : 'handler'
}

/** Returns whether a payload is a string or bytes. */
export function isBody (payload: unknown): payload is SerializedPayload {
  return typeof payload === 'string' || payload instanceof Uint8Array
}

/** Serializes an object as Fastify does. Returns an empty string if that fails. */
export function serialize (reply: FastifyReply, object: unknown): string {
  try {
    return reply.serialize(object as object) as string
  } catch {
    return ''
  }
}

function isNotFoundBody ({ request: { raw } }: FastifyReply, body: SerializedPayload): boolean {
  return body[0] === '{' && messageFromBody(body) === notFoundMessage(raw)
}

/**
 * Takes the message from a body, and sets it as the message of the response.
 *
 * @param isKept whether the body is a kept payload, serialized
 */
export function extractMessage (reply: FastifyReply, body: SerializedPayload, kind: PayloadKind, isKept: boolean): void {
  if (kind === 'fastify-error') {
    extractErrorMessage(reply, body)
    return
  }
  if (kind === 'rethrown') {
    extractRethrownMessage(reply, textToSend(reply, body, kind, isKept))
    return
  }
  const text = textToSend(reply, body, kind, isKept)
  const message = messageFromBody(text)
  if (kind === 'handler') warnOfLostContent(reply.raw, reply.statusCode, text, message)
  if (message !== '') setBodyMessage(reply.raw, message, isServerError(reply.statusCode) && isErrorReport(body))
  else if (isKept || isJsonReply(reply)) clearMessage(reply.raw)
  else clearUnlessContained(reply, text)
}

/** Takes the message from a thrown value that is not an `Error`. */
function extractRethrownMessage ({ raw }: FastifyReply, text: SerializedPayload): void {
  const message = messageFromBody(text)
  setSerializedErrorMessage(raw, message, true)
  const error = getError(raw)
  // Fastify's log line contains the whole thrown value, so this message needs no line of its own.
  if (getFrameworkLine(raw)?.error === error) setFrameworkLine(raw, { message, error })
}

/** Takes the message from an error that Fastify has serialized. */
function extractErrorMessage (reply: FastifyReply, body: SerializedPayload): void {
  const response: ServerResponse = reply.raw
  const text = textToSend(reply, body, 'fastify-error', false)
  const error = getErrorMessage(response)
  if (error !== undefined) {
    const message = text === body && endsWithMessage(body, error) ? error : messageFromBody(text)
    if (message !== '') setSerializedErrorMessage(response, message, message === error)
    // A schema of null declares that the error has no body. It does not remove the message.
    else if (body !== 'null') clearUnlessContained(reply, text)
  } else if (!isRecording(reply)) {
    setBodyMessage(response, messageFromBody(text), true)
  }
  // In any other case, the error was thrown after a message was set. That message stays, and our log line has the error.
}

function isJsonReply (reply: FastifyReply): boolean {
  const type = reply.getHeader('content-type')
  return typeof type === 'string' && isJson(type)
}

/** Returns the body that Fastify would send without the plugin. A removed response schema still decides what the body contains. */
function textToSend (reply: FastifyReply, body: SerializedPayload, kind: PayloadKind, isKept: boolean): SerializedPayload {
  if (isKept) return serializeByIgnoredSchema(reply, body) ?? body
  // If the error does not match the schema, its message stays.
  return kind === 'fastify-error' ? serializeByIgnoredSchema(reply, body) || body : body
}

/** Clears the message of an error, unless the body contains it, for example as HTML. A compressed body cannot be searched. */
function clearUnlessContained (reply: FastifyReply, body: SerializedPayload): void {
  const error = getErrorMessage(reply.raw)
  if (error === undefined || reply.hasHeader('content-encoding') || contains(body, error)) return
  clearMessage(reply.raw)
}

/** Returns whether a body contains a text, even if the text is escaped as HTML or JSON. */
function contains (body: SerializedPayload, text: string): boolean {
  return lettersOf(decodeStart(body)).includes(lettersOf(text.slice(0, MAX_HEADER_LENGTH)))
}

function lettersOf (text: string): string {
  return text.replace(/&#?\w{1,8};|\\(?:u[\da-f]{4}|.)|[^\p{L}\p{N}]/giu, '')
}

/**
 * Returns whether a body ends like Fastify's serialized errors, with this message, unescaped. Parsing the body would cost more
 * than the rest of the hook.
 */
function endsWithMessage (body: SerializedPayload, message: string): boolean {
  if (typeof body !== 'string') return false
  const end = body.length - 2
  return body.endsWith('"}') && body.endsWith(message, end) && body.endsWith('"message":"', end - message.length)
}
