import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { enableLingeringClose } from '../../lib/linger.js'
import { getRetryAfterSeconds, type MaintenanceOn } from '../../lib/maintenance.js'
import { markExpected, setReplyMessage } from '../../lib/response/state.js'

/** Sends 503 with the message of the maintenance, and with `Retry-After`. */
export function sendUnavailable ({ raw }: FastifyRequest, reply: FastifyReply, state: MaintenanceOn): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = raw.headers
  // Close the connection, because the unread body would precede the next request (RFC 9112 section 9.3).
  if ((length !== '0' || coding !== undefined) && raw.httpVersionMajor === 1) {
    reply.header('connection', 'close')
    enableLingeringClose(raw.socket as Socket)
  }
  setReplyMessage(reply.raw, state.message)
  markExpected(reply.raw)
  reply.code(503).header('retry-after', getRetryAfterSeconds(state)).send()
}
