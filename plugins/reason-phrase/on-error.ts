import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { messageFromError } from '../../lib/message.js'
import { getPhase, isExempt, setError, startSerializing } from '../../lib/response/state.js'
import { isUnsuccessful } from '../../lib/status-codes.js'
import { classifyPayload, extractMessage, serialize } from './payload.js'
import { takeKeptPayload } from './kept-payload.js'
import { ignorePreconditions } from './preconditions.js'
import { recordSentPayload } from './sent-payload.js'

/** The properties of a thrown value that Fastify, `http-errors` and `@hapi/boom` use. */
interface ThrownObject {
  code?: unknown
  message?: unknown
  headers?: unknown
  statusCode?: unknown
  status?: unknown
  expose?: unknown
  isBoom?: unknown
  output?: { statusCode: number, headers: Record<string, string> }
}

/** Sets the message of a thrown value as the message of the response. This is the `onError` hook of the plugin. */
export function onError (request: FastifyRequest, reply: FastifyReply, error: unknown, done: () => void): void {
  const response: ServerResponse = reply.raw
  if (isExempt(response)) {
    done()
    return
  }
  const wasSerializing = getPhase(response) === 'serializing'
  const details = readDetails(reply, error)
  // A kept payload means that a hook may have thrown before our onSend hook.
  const kept = takeKeptPayload(reply)
  if (kept !== undefined) {
    const body = serialize(reply, kept)
    extractMessage(reply, body, classifyPayload(reply, body), true)
  }
  setError(response, error, messageFromError(error), details)
  recordSentPayload(reply, error)
  ignorePreconditions(request)
  // If a hook throws a value that is not an Error, Fastify sends the value as a payload. The hook then throws again, and nothing
  // catches this error. The same happens for an Error with a getter that throws. Both would end the process.
  if (wasSerializing && !details.isReadable) {
    startSerializing(response)
    response.writeHead(500).end()
  }
  done()
}

interface Details {
  isExposed: boolean
  hasStatusCode: boolean
  /** Whether it is an `Error` whose properties can be read. */
  isReadable: boolean
}

function readDetails (reply: FastifyReply, error: unknown): Details {
  try {
    // Fastify reads all of these properties. Object.keys(null) and Number(Symbol()) throw, here and in Fastify.
    const { headers, statusCode, status, expose, isBoom, output, code: _code, message: _message }: ThrownObject = Object(error) // eslint-disable-line @typescript-eslint/no-unused-vars
    if (headers !== undefined) Object.keys(headers as object)
    const hasStatusCode = isErrorCode(statusCode) || isErrorCode(status) || (isBoom === true && isErrorCode(output?.statusCode))
    if (isBoom === true && output !== undefined) {
      // An object that imitates a Boom can have any status code.
      if (isUnsuccessful(output.statusCode)) reply.code(output.statusCode)
      reply.headers(output.headers)
    }
    return { isExposed: expose === true, hasStatusCode, isReadable: error instanceof Error }
  } catch {
    // If a getter throws here, it throws in Fastify too, and Fastify leaves the status code at 200.
    reply.code(500)
    return { isExposed: false, hasStatusCode: false, isReadable: false }
  }
}

/** Returns whether Fastify would take this status code from an error. */
function isErrorCode (statusCode: unknown): boolean {
  return isUnsuccessful(Number(statusCode)) && Number(statusCode) <= 599
}
