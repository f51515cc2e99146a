import type { FastifyReply } from 'fastify'
import { judge, type NewRecord } from '../../lib/idempotency/record.js'
import { REFUSALS, type IdempotencyStatus, type Outcome, type RefusalName } from '../../lib/idempotency/refusals.js'
import { setReplyMessage } from '../../lib/response/state.js'

const STATUS = 'Idempotency-Status'
const REPLAYED = 'Idempotent-Replayed'

/** Thrown if the execution of a request has failed: a 503 with a public message. */
export class RefusalError extends Error {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly expose = true

  constructor (name: 'commitUnknown' | 'timedOut', cause?: unknown) {
    const { statusCode, reason, retryAfter } = REFUSALS[name]
    super(reason, { cause })
    this.statusCode = statusCode
    this.headers = { 'retry-after': String(retryAfter) }
  }
}

/** Sets the header fields that tell the client the state of the key, and whether the response is a replay. */
export function markDecided (reply: FastifyReply, status: IdempotencyStatus, isReplayed: boolean): void {
  reply.header(STATUS, status)
  if (isReplayed) reply.header(REPLAYED, 'true')
}

/** Removes the header fields that {@link markDecided} sets. */
export function removeMarks (reply: FastifyReply): void {
  reply.removeHeader(STATUS).removeHeader(REPLAYED)
}

/**
 * Sets the recorded status code, message and header fields.
 *
 * @returns the recorded body; undefined if there is none
 */
export function applyRecord (reply: FastifyReply, { state, answer }: NewRecord, isReplayed: boolean): Buffer | undefined {
  const { statusCode, reason, headers, body } = answer!
  if (reason !== undefined) setReplyMessage(reply.raw, reason)
  reply.code(statusCode).headers(headers)
  markDecided(reply, state, isReplayed)
  return body
}

function applyRefusal (reply: FastifyReply, name: RefusalName): void {
  const { statusCode, reason, retryAfter, idempotencyStatus } = REFUSALS[name]
  setReplyMessage(reply.raw, reason)
  reply.code(statusCode)
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  if (idempotencyStatus !== undefined) markDecided(reply, idempotencyStatus, false)
}

/**
 * Applies the recorded response, or a refusal, to the reply of a request that is not executed.
 *
 * @param outcome the record of the key, or the name of a refusal
 * @returns the body; undefined if there is none
 */
export function applyOutcome (reply: FastifyReply, outcome: Outcome, fingerprint: Buffer): Buffer | undefined {
  const judgement = typeof outcome === 'string' ? outcome : judge(outcome, fingerprint)
  if (judgement === 'replay') return applyRecord(reply, outcome as NewRecord, true)
  applyRefusal(reply, judgement)
  return undefined
}

/** Sends the response of a refusal. */
export function sendRefusal (reply: FastifyReply, name: RefusalName): FastifyReply {
  applyRefusal(reply, name)
  return reply.send()
}
