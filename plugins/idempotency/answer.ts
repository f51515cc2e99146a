import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import { discard, isWebResponse } from '../../lib/body.js'
import type { Contract } from '../../lib/contract.js'
import { isValidHeader, normalizeHeaders } from '../../lib/headers.js'
import type { Answer } from '../../lib/idempotency/record.js'
import type { ContractResponse } from '../../lib/response/installation.js'
import { drainOnCancel } from '../../lib/response/request-body.js'
import { findMessage } from '../../lib/response/send-error.js'
import { onSend } from '../reason-phrase/on-send.js'
import { isBody } from '../reason-phrase/payload.js'

/** What of an answer is recorded. */
interface RecordingOptions {
  /** The recorded header fields: names in lower case. */
  readonly headers: readonly string[]
  /** The longest body, in bytes. */
  readonly maxBytes: number
}

/** Reports an answer that cannot be recorded: 500. The message is for the log. */
export class UnrecordableAnswer extends Error {
  statusCode = 500
}

/**
 * Returns the recorded part of a success.
 *
 * @param payload as an `onSend` hook gets it
 * @throws {UnrecordableAnswer} if the payload is a stream or too long, or if Node refuses a recorded header field
 */
export function toSuccess (reply: FastifyReply, payload: unknown, { headers: names, maxBytes }: RecordingOptions): Answer {
  const body = toBytes(reply, payload)
  if (body !== undefined && body.length > maxBytes) throw new UnrecordableAnswer(`fastify-reason-phrase: an answer of ${body.length} bytes cannot be recorded for its idempotency key. The option maxBytes is ${maxBytes}`)
  const headers: Record<string, string | string[]> = {}
  for (const name of names) {
    const value = reply.getHeader(name)
    if (value === undefined) continue
    // Node would refuse every replay too.
    if (!isValidHeader(name, value)) throw new UnrecordableAnswer(`fastify-reason-phrase: the header field ${name} of the answer is not valid, so it cannot be recorded for its idempotency key`)
    headers[name] = Array.isArray(value) ? value : String(value)
  }
  return { statusCode: reply.statusCode, headers, body }
}

/**
 * Returns the recorded part of a rejection: the status code and the message that the contract sends.
 *
 * @param payload as an `onSend` hook gets it. The message is taken out of it
 * @throws {UnrecordableAnswer} if the payload is a stream
 */
export function toRejection (reply: FastifyReply, payload: unknown, contract: Contract): Answer {
  assertNoStream(reply, payload)
  onSend(contract, reply.request, reply, payload, () => {})
  const { raw, statusCode } = reply
  const message = findMessage(raw as unknown as ContractResponse, statusCode, undefined, normalizeHeaders(reply.getHeaders() as OutgoingHttpHeaders, contract))
  const code = contract.normalizeStatusCode(statusCode)
  return { statusCode: code, reason: contract.reasonFor(code, message ?? ''), headers: {} }
}

function toBytes (reply: FastifyReply, payload: unknown): Buffer | undefined {
  assertNoStream(reply, payload)
  if (typeof payload === 'string') return Buffer.from(payload)
  return (payload as Buffer | undefined | null) ?? undefined
}

function assertNoStream (reply: FastifyReply, payload: unknown): void {
  if (payload === undefined || payload === null || isBody(payload)) return
  discard(drainOnCancel(isWebResponse(payload) ? payload.body : payload as ReadableStream, reply.request.raw))
  throw new UnrecordableAnswer('fastify-reason-phrase: a stream cannot be recorded for its idempotency key. Send a text, bytes or an object')
}
