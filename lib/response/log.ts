import type { ServerResponse } from 'node:http'
import { isServerError } from '../status-codes.js'
import { getError, getReply, isLogged, type Reply } from './state.js'

/**
 * Logs the message of an error with its reply, unless it is logged already. Nothing that a logger or a serializer
 * throws reaches the sender.
 *
 * @param statusCode the status code before it was normalized
 */
export function logMessage (response: ServerResponse, statusCode: number, message: string): void {
  const reply = getReply(response)
  if (reply === undefined || isLogged(response)) return
  const error = getError(response)
  if (message === '' && error === undefined) return
  const sent = response.statusCode
  try {
    // A serializer reads the status code from the response.
    if (sent !== statusCode && statusCode <= 599) response.statusCode = statusCode
    write(reply, statusCode, error, message)
  } catch {
    // Nothing more can be logged, and the response is complete.
  } finally {
    response.statusCode = sent
  }
}

function write (reply: Reply, statusCode: number, error: unknown, message: string): void {
  // Fastify logs its own errors at these levels.
  const level = isServerError(statusCode) ? 'error' : 'info'
  // A serializer of the service expects the reply, as Fastify passes it.
  if (error === undefined) {
    reply.log[level]({ res: reply }, message)
    return
  }
  try {
    reply.log[level]({ res: reply, err: error }, message)
  } catch {
    // For example, the error has a getter that throws.
    reply.log[level]({ res: reply }, message)
  }
}
