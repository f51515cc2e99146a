import type { ServerResponse } from 'node:http'
import { messageFromError } from '../message.js'
import { isServerError } from '../status-codes.js'
import { getError, getFrameworkLine, getReply, isExpected, isLogged, markLogged, type Reply } from './state.js'

/**
 * Logs the message of an error with its reply, unless this function or the framework has already logged it. Ignores what a
 * logger or a serializer throws.
 *
 * @param statusCode the status code before it was normalized
 */
export function logMessage (response: ServerResponse, statusCode: number, message: string): void {
  const reply = getReply(response)
  if (reply === undefined || isLogged(response)) return
  const error = getError(response)
  if ((message === '' && error === undefined) || isInFrameworkLine(response, error, message)) return
  markLogged(response)
  const sent = response.statusCode
  try {
    // A serializer reads the status code from the response, and the log shows the original one.
    if (sent !== statusCode && statusCode <= 599) response.statusCode = statusCode
    writeLine(reply, isExpected(response) ? 'info' : logLevelOf(statusCode), error, message || messageFromError(error))
  } catch {
    // The logger fails, so nothing more can be logged. The response is complete without it.
  } finally {
    response.statusCode = sent
  }
}

/** Returns whether the framework has already logged the message, or the error if there is no message. */
function isInFrameworkLine (response: ServerResponse, error: unknown, message: string): boolean {
  const line = getFrameworkLine(response)
  if (line === undefined) return false
  return message === '' ? Object.is(line.error, error) : line.message === message
}

type LogLevel = 'info' | 'error'

/** Returns the level of an error in the log. Fastify logs its own errors at these levels. */
export function logLevelOf (statusCode: number): LogLevel {
  return isServerError(statusCode) ? 'error' : 'info'
}

function writeLine (reply: Reply, level: LogLevel, error: unknown, message: string): void {
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
