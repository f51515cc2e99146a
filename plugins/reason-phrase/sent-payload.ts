import type { FastifyReply } from 'fastify'

const kSend = Symbol('fastify-reason-phrase.send')
const kSentPayload = Symbol('fastify-reason-phrase.sent-payload')

type RecordingReply = FastifyReply & { [kSend]?: FastifyReply['send'], [kSentPayload]?: unknown }

/**
 * Records the payloads that `reply.send()` gets from now on. After an error, they tell an error that Fastify serializes from a
 * payload of an error handler. Only replies with an error are recorded, so that others are not slower.
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

/** Returns whether an error was thrown for a reply, so that its payloads are recorded. */
export function isRecording (reply: FastifyReply): boolean {
  return (reply as RecordingReply)[kSend] !== undefined
}

/** Returns the last payload that was sent after an error; before that, the error itself. */
export function getSentPayload (reply: FastifyReply): unknown {
  return (reply as RecordingReply)[kSentPayload]
}
