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
import { describeRouteOf } from '../reason-phrase/route-name.js'

/** Which parts of a response are recorded. */
interface RecordingOptions {
  /** The names of the recorded header fields, in lower case. */
  readonly headers: readonly string[]
  /** The longest body, in bytes. */
  readonly maxBytes: number
}

/** Thrown if a response cannot be recorded: the client gets 500, and the log gets the message. */
export class UnrecordableAnswer extends Error {
  statusCode = 500

  constructor ({ request }: FastifyReply, problem: string) {
    super(describeRouteOf(request, problem))
  }
}

/**
 * Returns the recorded part of a success.
 *
 * @param payload the payload that an `onSend` hook gets
 * @throws {UnrecordableAnswer} if the payload is a stream or too long, or if Node rejects a recorded header field
 */
export function toSuccess (reply: FastifyReply, payload: unknown, { headers: names, maxBytes }: RecordingOptions): Answer {
  const body = toBytes(reply, payload)
  if (body !== undefined && body.length > maxBytes) throw new UnrecordableAnswer(reply, `the response cannot be recorded for its idempotency key, because its body has ${body.length} bytes. The option maxBytes of idempotency is ${maxBytes}. Raise it, or send a shorter body`)
  const headers: Record<string, string | string[]> = {}
  for (const name of names) {
    const value = reply.getHeader(name)
    if (value === undefined) continue
    // Node would reject every replay too.
    if (!isValidHeader(name, value)) throw new UnrecordableAnswer(reply, `the response cannot be recorded for its idempotency key, because the value of the header field ${name} is not valid. Set a value that Node can send`)
    headers[name] = Array.isArray(value) ? value : String(value)
  }
  return { statusCode: reply.statusCode, headers, body }
}

/**
 * Returns the recorded part of a rejection: the status code and the message that the contract sends.
 *
 * @param payload the payload that an `onSend` hook gets. Its message is recorded
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
  throw new UnrecordableAnswer(reply, 'the response cannot be recorded for its idempotency key, because its payload is a stream. Send a string, a Buffer or an object')
}
