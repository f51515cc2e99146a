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

/** Takes the message out of the payload of an error, and drops the payload. A success passes at once. */
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
  // Fastify's own hook for HEAD takes any payload but null.
  done(null, request.method === 'HEAD' ? '' : null)
}

/** Returns the status code that Fastify is going to send with a payload. */
function statusCodeOf (reply: FastifyReply, payload: unknown): number {
  const response: ServerResponse = reply.raw
  if (isWebResponse(payload)) return payload.status
  // If Fastify cannot read an error that an error handler threw, it serializes it with the status code as it was.
  if (!isUnsuccessful(response.statusCode) && getErrorMessage(response) !== undefined && isSerializedError(response.statusCode, payload)) reply.code(500)
  return response.statusCode
}

/** Takes the message out of an object that was kept until it is serialized. */
function extractKeptMessage (reply: FastifyReply, payload: unknown, kind: PayloadKind, kept: unknown): void {
  if (isBody(payload) && kind !== 'fastify-error') {
    extractMessage(reply, payload, kind, true)
    return
  }
  // An earlier hook has made a stream of the text, or has failed. Then the payload is Fastify's text of that error.
  const body = serialize(reply, kept)
  extractMessage(reply, body, kind === 'upstream' ? classifyPayload(reply, body) : 'handler', true)
  if (isBody(payload)) extractMessage(reply, payload, kind, false)
}

/** Sends an empty payload once its message is known. Fastify catches its own errors while it sends only if the hook returned a promise. */
async function sendLater (reply: FastifyReply, message: Promise<void>): Promise<string> {
  await message
  // It may be answered meanwhile, as @fastify/reply-from does when an upstream is silent for long. Then nothing is left to send.
  if (reply.sent) await new Promise(() => {})
  return ''
}

/** Drops a stream that is not read for its message. */
function dropUnread (contract: Contract, reply: FastifyReply): void {
  const isEmpty = String(reply.getHeader('content-length')) === '0'
  if (!isEmpty && !hasMessage(contract, reply)) warnOfLostContent(reply.raw, reply.statusCode, undefined, '')
  // An error handler may have compressed the message.
  if (!reply.hasHeader('content-encoding')) clearMessage(reply.raw)
}

/** Returns whether a response has a message that is not in its payload. */
function hasMessage (contract: Contract, reply: FastifyReply): boolean {
  return getReplyMessage(reply.raw) !== undefined || reply.hasHeader(contract.field)
}

/** Returns whether a stream is to be read for its message. */
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
  // Fastify takes the status code and the headers only after this hook.
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  // If Node refuses a header there, Fastify cannot send another error.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (!isValidHeader(name, value)) reply.removeHeader(name)
  const { bytes, isCut } = await readStart(drainOnCancel(payload.body, reply.request.raw))
  setUpstreamMessage(reply, takeUpstreamMessage(reply, bytes, isCut) || messageFromError(payload.statusText))
}

/** Returns the message of a body from an upstream. */
function takeUpstreamMessage (reply: FastifyReply, bytes: Uint8Array, isCut: boolean): string {
  const message = messageFromBody(bytes, isCut)
  warnOfLostContent(reply.raw, reply.statusCode, bytes, message)
  return message
}

/** Sets the message of an upstream. With a 5xx, it is for the log only, also if a later hook sets the status code. */
function setUpstreamMessage (reply: FastifyReply, message: string): void {
  if (message !== '') setBodyMessage(reply.raw, message, true)
  else clearMessage(reply.raw)
}
