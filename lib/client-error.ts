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

/** An error of a request that Node could not read. */
export interface ClientError extends Error {
  code?: string
}

/** A listener for `clientError`, which may write a response to the socket. */
export type ClientErrorListener<S extends Socket = Socket> = (error: ClientError, socket: S) => void

/** Returns whether work may have been done for the request of a response. */
export type ExecutionCheck = (response: ServerResponse) => boolean

const answeredSockets = new WeakSet<Socket>()

/**
 * Sends the contract's response to a request that Node could not read, and closes the connection. The status code is
 * a 4xx while nothing has happened, and a 5xx if work may have been done. Nothing is sent if nobody can read it, or
 * if an earlier response is half sent. The response waits for earlier responses of the connection.
 *
 * @param listener what it writes to the socket synchronously sets the status code, the message and the other headers. If it
 *   only closes the socket, nothing is sent
 * @param mayHaveExecuted Default: nothing was executed
 * @param log gets the message, unless the answer is sent by a response object, which logs its message itself
 */
export function answerClientError (contract: Contract, error: ClientError, socket: Socket, listener?: ClientErrorListener, mayHaveExecuted: ExecutionCheck = () => false, log?: Log): void {
  // Node reports every further chunk of a connection that it cannot read.
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
 * Leaves a client error to its listener, unless a response is awaited on the connection: because a request was
 * read in part, or an earlier request has no response yet. The client would read what the listener writes as that response.
 */
export function answerIfAwaited (contract: Contract, error: ClientError, socket: Socket, listener: ClientErrorListener, mayHaveExecuted: ExecutionCheck, log: Log): void {
  if (answeredSockets.has(socket) || currentResponse(socket) || isBodyIncomplete(socket)) answerClientError(contract, error, socket, listener, mayHaveExecuted, log)
  else listener(error, socket)
}

/** Sends the contract's response on a connection without a response object, and closes the connection. */
export function answerOnSocket (contract: Contract, socket: Socket, statusCode: number, message: string, log?: Log): void {
  sendAndClose(contract, socket, { statusCode, message, headerLines: [] }, log)
}

/** A connection, with what Node keeps on it. */
type Connection = Socket & {
  /** The response that is to be sent next. */
  _httpMessage?: NodeResponse | null
  /** The parser, with the request that it reads, or has read last. */
  parser?: { incoming?: IncomingMessage | null } | null
}

/** A response, with its serialized header section if that is sent. */
type NodeResponse = ServerResponse & { _header?: string | null }

function currentResponse (socket: Connection): NodeResponse | null | undefined {
  return socket._httpMessage
}

/** Returns whether the body of the last request breaks off. */
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
    // A request that has a response gets no second one.
    if (isBodyIncomplete(socket)) closeLingering(socket)
    else sendAndClose(contract, socket, answer, log, error.code)
    return
  }
  // headersSent is true as well for a header section that is held.
  const isSent = typeof response._header === 'string'
  if (isSent && !response.writableEnded) {
    // The client has an error already while its body is still written.
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
 * Answers a request whose body breaks off by its response, so that no handler is called for it any more. If a header
 * section is held, that is sent instead.
 */
function answerByResponse (response: NodeResponse, { statusCode, message, headerLines }: ErrorResponse, wasExecuted: boolean): void {
  response.setHeader('connection', 'close')
  if (!response.headersSent) {
    const isUnknown = wasExecuted && !isServerError(statusCode)
    for (const line of headerLines) response.appendHeader(fieldOfLine(line), line.slice(line.indexOf(':') + 1).trim())
    response.statusCode = isUnknown ? 500 : statusCode
    markClientError(response)
    setReplyMessage(response, isUnknown ? `The request broke off while it was processed, so its outcome is unknown${message && ` (${message})`}` : message)
  }
  response.end()
}

/**
 * Sends an answer, logs its message, and closes the connection. The error is not in the log, because it has the bytes of the
 * request, and so its secrets.
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

/** Returns the message of an error that is about the request. Empty for others: they are about the connection, and not for the client. */
function publicMessage (error: ClientError): string {
  return /^(?:HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/.test(error.code ?? '') ? messageFromError(error) : ''
}
