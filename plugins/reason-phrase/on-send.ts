import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { discard, isWebResponse, readStart } from '../../lib/body.js'
import type { Contract } from '../../lib/contract.js'
import { isSerializedError } from '../../lib/error-report.js'
import { isValidHeader } from '../../lib/headers.js'
import { isJson, isPlainText } from '../../lib/media-type.js'
import { messageFromBody, messageFromError } from '../../lib/message.js'
import { warnOfLostContent } from '../../lib/response/lost-content.js'
import { drainOnCancel } from '../../lib/response/request-body.js'
import { clearMessage, getErrorMessage, getReplyMessage, isExempt, setBodyMessage, startSerializing } from '../../lib/response/state.js'
import { isUnsuccessful } from '../../lib/status-codes.js'
import { classifyPayload, extractMessage, isBody, serialize, type PayloadKind, type SerializedPayload } from './payload.js'
import { takeKeptPayload } from './kept-payload.js'
import { ignorePreconditions } from './preconditions.js'

type Done = (error?: Error | null, payload?: unknown) => void

/** A payload that is read before it is sent. */
type Stream = Readable | ReadableStream<Uint8Array>

/** Takes the message from the payload of an error, and drops the payload. This is the `onSend` hook of the plugin. */
export function onSend (contract: Contract, request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): Promise<string> | undefined {
  const response: ServerResponse = reply.raw
  startSerializing(response)
  if (!isUnsuccessful(statusCodeOf(reply, payload)) || isExempt(response)) {
    done()
    return
  }
  ignorePreconditions(request)
  if (payload === undefined || payload === null) {
    clearMessage(response)
    done()
    return
  }
  const kept = takeKeptPayload(reply)
  const kind = classifyPayload(reply, payload)
  if (kept !== undefined && !isWebResponse(payload)) extractKeptMessage(reply, payload, kind, kept)
  else if (kind !== 'upstream') extractMessage(reply, payload as SerializedPayload, kind, false)
  else if (isWebResponse(payload)) return sendLater(reply, readWebResponse(reply, payload))
  else if (mayContainMessage(contract, reply)) return sendLater(reply, readStream(reply, payload as Stream))
  else dropUnread(contract, reply)
  if (!isBody(payload)) discard(drainOnCancel(payload as Stream, request.raw))
  // Fastify's own onSend hook for HEAD fails for null.
  done(null, request.method === 'HEAD' ? '' : null)
}

/** Returns the status code that Fastify is going to send with a payload. */
function statusCodeOf (reply: FastifyReply, payload: unknown): number {
  const response: ServerResponse = reply.raw
  if (isWebResponse(payload)) return payload.status
  // If an error handler throws an error that Fastify cannot read, Fastify serializes it, and keeps the earlier status code.
  if (!isUnsuccessful(response.statusCode) && getErrorMessage(response) !== undefined && isSerializedError(response.statusCode, payload)) reply.code(500)
  return response.statusCode
}

/** Takes the message from the kept payload of an error. */
function extractKeptMessage (reply: FastifyReply, payload: unknown, kind: PayloadKind, kept: unknown): void {
  if (isBody(payload) && kind !== 'fastify-error') {
    extractMessage(reply, payload, kind, true)
    return
  }
  // An earlier hook has replaced the text by a stream, or has thrown. If it has thrown, the payload is Fastify's serialized error.
  const body = serialize(reply, kept)
  extractMessage(reply, body, kind === 'upstream' ? classifyPayload(reply, body) : 'handler', true)
  if (isBody(payload)) extractMessage(reply, payload, kind, false)
}

/** Resolves to an empty payload when the message is known. Fastify catches errors of sending only if the hook returns a promise. */
async function sendLater (reply: FastifyReply, message: Promise<void>): Promise<string> {
  await message
  // Another response may have been sent meanwhile, for example by @fastify/reply-from after a timeout. Then send nothing.
  if (reply.sent) await new Promise(() => {})
  return ''
}

/** Warns about a stream that is dropped without reading it, and clears an earlier message. */
function dropUnread (contract: Contract, reply: FastifyReply): void {
  const isEmpty = String(reply.getHeader('content-length')) === '0'
  if (!isEmpty && !hasMessage(contract, reply)) warnOfLostContent(reply.raw, reply.statusCode, undefined, '')
  // An error handler may have compressed the message.
  if (!reply.hasHeader('content-encoding')) clearMessage(reply.raw)
}

/** Returns whether a response has a message outside of its payload. */
function hasMessage (contract: Contract, reply: FastifyReply): boolean {
  return getReplyMessage(reply.raw) !== undefined || reply.hasHeader(contract.field)
}

/** Returns whether a stream may contain the message, so that it must be read. */
function mayContainMessage (contract: Contract, reply: FastifyReply): boolean {
  if (hasMessage(contract, reply) || reply.hasHeader('content-encoding')) return false
  const type = reply.getHeader('content-type')
  return typeof type === 'string' && (isJson(type) || isPlainText(type))
}

async function readStream (reply: FastifyReply, payload: Stream): Promise<void> {
  const { bytes, isCut } = await readStart(drainOnCancel(payload, reply.request.raw))
  setUpstreamMessage(reply, takeUpstreamMessage(reply, bytes, isCut))
}

async function readWebResponse (reply: FastifyReply, payload: Response): Promise<void> {
  // Fastify copies the status code and the headers only after this hook.
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  // If Node rejected a header then, Fastify could not send another error.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (!isValidHeader(name, value)) reply.removeHeader(name)
  const { bytes, isCut } = await readStart(drainOnCancel(payload.body, reply.request.raw))
  setUpstreamMessage(reply, takeUpstreamMessage(reply, bytes, isCut) || messageFromError(payload.statusText))
}

/** Returns the message in the body of an upstream response. */
function takeUpstreamMessage (reply: FastifyReply, bytes: Uint8Array, isCut: boolean): string {
  const message = messageFromBody(bytes, isCut)
  warnOfLostContent(reply.raw, reply.statusCode, bytes, message)
  return message
}

/** Sets the message of an upstream. With a 5xx it is only logged, even if a later hook sets the 5xx. */
function setUpstreamMessage (reply: FastifyReply, message: string): void {
  if (message !== '') setBodyMessage(reply.raw, message, true)
  else clearMessage(reply.raw)
}
