import type { FastifyReply } from 'fastify'

const kSend = Symbol('fastify-reason-phrase.send')
const kSentPayload = Symbol('fastify-reason-phrase.sent-payload')

type RecordingReply = FastifyReply & { [kSend]?: FastifyReply['send'], [kSentPayload]?: unknown }

/**
 * Records what `reply.send()` gets from now on. After an error, only this tells Fastify's serialized errors from the
 * payloads of an error handler. A reply without an error does not pay for it.
 */
export function recordSentPayload (reply: FastifyReply, error: unknown): void {
  const recording = reply as RecordingReply
  recording[kSentPayload] = error
  if (recording[kSend] !== undefined) return
  recording[kSend] = reply.send
  reply.send = send as FastifyReply['send']
}

function send (this: RecordingReply, payload?: unknown): FastifyReply {
  this[kSentPayload] = payload
  return this[kSend]!(payload)
}

/** Returns whether something was thrown for a reply. */
export function isRecording (reply: FastifyReply): boolean {
  return (reply as RecordingReply)[kSend] !== undefined
}

/** Returns what was sent last after an error; before that, the error itself. */
export function getSentPayload (reply: FastifyReply): unknown {
  return (reply as RecordingReply)[kSentPayload]
}
