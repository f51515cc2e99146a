import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Contract } from './contract.js'
import { closeLingering, destroyLater } from './linger.js'
import { messageFromError } from './message.js'
import { captureWrites, parseErrorResponse, fieldOfLine, type ErrorResponse } from './raw-response.js'
import { toReasonPhrase } from './reason-phrase.js'
import { publishClientError } from './response/error-channel.js'
import { freeConnection } from './response/send-error.js'
import { logLevelOf } from './response/log.js'
import { markClientError, setReplyMessage, type Log } from './response/state.js'
import { isServerError } from './status-codes.js'

/** An error about a request that Node could not read. */
export interface ClientError extends Error {
  code?: string
}

/** A listener for `clientError`, which may write a response to the socket. */
export type ClientErrorListener<S extends Socket = Socket> = (error: ClientError, socket: S) => void

/** Returns whether work may have been done for the request of a response. */
export type ExecutionCheck = (response: ServerResponse) => boolean

const answeredSockets = new WeakSet<Socket>()

/**
 * Responds to a request that Node could not read, and closes the connection. The response keeps the contract. Its status
 * code is 400, or the one that the listener writes. It is 500 instead of a 4xx if the request may have been executed. The
 * response waits for earlier responses of the connection. Nothing is sent if the client cannot read it, or if an earlier
 * response is half sent.
 *
 * @param listener writes a response to the socket synchronously. Its status code, message and header fields are used. If the
 *   listener only closes the socket, nothing is sent
 * @param mayHaveExecuted returns whether the request may have been executed. Default: it was not executed
 * @param log gets the message, unless a response object sends the response, because the object logs its message itself
 */
export function answerClientError (contract: Contract, error: ClientError, socket: Socket, listener?: ClientErrorListener, mayHaveExecuted: ExecutionCheck = () => false, log?: Log): void {
  // Node emits clientError again for every further chunk of the connection.
  if (answeredSockets.has(socket)) return
  answeredSockets.add(socket)

  const written = listener === undefined ? undefined : captureWrites(socket, () => { listener(error, socket) })
  if (written === '' || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error)
    return
  }
  const fallback = { statusCode: 400, message: publicMessage(error), headerLines: [] }
  const answer = written === undefined ? fallback : parseErrorResponse(written, contract, fallback)
  answerInTurn({ contract, socket, error, mayHaveExecuted, log, answer })
}

/**
 * Passes a client error to its listener, unless the client waits for a response on the connection: a request was read in
 * part, or an earlier request has no response yet. The client would take what the listener writes for that response, so
 * {@link answerClientError} responds instead.
 */
export function answerIfAwaited (contract: Contract, error: ClientError, socket: Socket, listener: ClientErrorListener, mayHaveExecuted: ExecutionCheck, log: Log): void {
  if (answeredSockets.has(socket) || currentResponse(socket) || isBodyIncomplete(socket)) answerClientError(contract, error, socket, listener, mayHaveExecuted, log)
  else listener(error, socket)
}

/** Sends an error that keeps the contract on a connection without a response object, and closes the connection. */
export function answerOnSocket (contract: Contract, socket: Socket, statusCode: number, message: string, log?: Log): void {
  sendAndClose(contract, socket, { statusCode, message, headerLines: [] }, log)
}

/** A connection, with the properties that Node keeps on it. */
type Connection = Socket & {
  /** The response that Node sends next. */
  _httpMessage?: NodeResponse | null
  /** The parser, with the request that it reads or that it read last. */
  parser?: { incoming?: IncomingMessage | null } | null
}

/** A response, with its serialized header section if that was sent. */
type NodeResponse = ServerResponse & { _header?: string | null }

function currentResponse (socket: Connection): NodeResponse | null | undefined {
  return socket._httpMessage
}

/** Returns whether the body of the last request is incomplete. */
function isBodyIncomplete (socket: Connection): boolean {
  return socket.parser?.incoming?.complete === false
}

interface Failure {
  contract: Contract
  socket: Socket
  error: ClientError
  mayHaveExecuted: ExecutionCheck
  log: Log | undefined
  answer: ErrorResponse
}

function answerInTurn (failure: Failure): void {
  const { contract, socket, error, mayHaveExecuted, log, answer } = failure
  if (!socket.writable) return
  const response = currentResponse(socket)
  if (!response) {
    // A request that already has a response gets no second one.
    if (isBodyIncomplete(socket)) closeLingering(socket)
    else sendAndClose(contract, socket, answer, log, error.code)
    return
  }
  // headersSent is also true while a header section is held.
  const isSent = typeof response._header === 'string'
  if (isSent && !response.writableEnded) {
    // The client already has the error, but its writer still writes a body.
    if (freeConnection(response)) answerInTurn(failure)
    else socket.destroy(error)
  } else if (isSent || response.req.complete) {
    response.once('close', () => {
      if (response.req.complete) answerInTurn(failure)
      else closeLingering(socket)
    })
  } else {
    answerByResponse(response, answer, mayHaveExecuted(response))
  }
}

/**
 * Ends the response of a request whose body is incomplete, so that no handler is called for the request any more. If a
 * header section is held, it is sent. Otherwise, the error is sent.
 */
function answerByResponse (response: NodeResponse, { statusCode, message, headerLines }: ErrorResponse, wasExecuted: boolean): void {
  response.setHeader('connection', 'close')
  if (!response.headersSent) {
    const isUnknown = wasExecuted && !isServerError(statusCode)
    for (const line of headerLines) response.appendHeader(fieldOfLine(line), line.slice(line.indexOf(':') + 1).trim())
    response.statusCode = isUnknown ? 500 : statusCode
    markClientError(response)
    setReplyMessage(response, isUnknown ? `The request was interrupted while it was processed, so its outcome is unknown${message && ` (${message})`}` : message)
  }
  response.end()
}

/**
 * Sends an error, logs its message, and closes the connection. The error of Node is not logged, because it contains the bytes
 * of the request, which can have secrets.
 */
function sendAndClose (contract: Contract, socket: Socket, { statusCode, message, headerLines }: ErrorResponse, log?: Log, errorCode?: string): void {
  if (!socket.writable) return
  const code = contract.normalizeStatusCode(statusCode)
  const reason = contract.reasonFor(code, message)
  socket.end(serializeHead(contract, code, reason, headerLines), 'latin1')
  socket.once('finish', () => { publishClientError(code, statusCode, reason) })
  if (message !== '') log?.[logLevelOf(statusCode)]({ statusCode, code: errorCode }, message)
  destroyLater(socket)
  socket.resume()
}

function serializeHead (contract: Contract, statusCode: number, reason: string, headerLines: string[]): string {
  const lines = [`HTTP/1.1 ${statusCode} ${toReasonPhrase(reason)}`, ...headerLines]
  const has = (field: string): boolean => headerLines.some(line => fieldOfLine(line) === field)
  if (!has('date')) lines.push(`Date: ${new Date().toUTCString()}`)
  if (statusCode === 401 && !has('www-authenticate')) lines.push(`WWW-Authenticate: ${contract.challenge}`)
  if (has('access-control-allow-origin')) {
    const exposed = contract.exposedHeaders.filter(({ field }) => field === contract.field || has(field))
    lines.push(`Access-Control-Expose-Headers: ${exposed.map(({ header }) => header).join(', ')}`)
  }
  lines.push('Connection: close', 'Content-Length: 0', `${contract.header}: ${reason}`)
  return lines.join('\r\n') + '\r\n\r\n'
}

/** Returns the message of an error about the request. Empty for an error about the connection, which is not for the client. */
function publicMessage (error: ClientError): string {
  return /^(?:HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/.test(error.code ?? '') ? messageFromError(error) : ''
}
