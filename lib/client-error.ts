import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Contract } from './contract.js'
import { closeLingering, destroyLater } from './linger.js'
import { messageIn, messageOf } from './message.js'
import { reasonPhrase } from './reason-phrase.js'
import { isRepresentationMetadata } from './representation-metadata.js'
import { freeConnection, say } from './response/response.js'
import { isServerError } from './status-codes.js'

/** What Node knows of a request that it could not read. */
export interface ClientError extends Error {
  code?: string
}

/** Writes an answer of its own to a client error, if it likes. */
export type ClientErrorListener<S extends Socket = Socket> = (error: ClientError, socket: S) => void

/** Whether work may have been done for the request of a response. */
export type HasBegun = (response: ServerResponse) => boolean

const answered = new WeakSet<Socket>()

/**
 * Answers a request that Node could not read, by the contract, and closes the
 * connection: with a 4xx while nothing has happened, and with a 5xx once work
 * `hasBegun` for it. Nothing is written where nobody can read it, or where an
 * earlier response is half sent; one that is still to come is waited for.
 * What `listener` writes synchronously sets the status code, the message and
 * the other headers of the answer. If it only closes the connection, nothing is
 * sent.
 */
export function answerClientError (contract: Contract, error: ClientError, socket: Socket, listener?: ClientErrorListener, hasBegun: HasBegun = () => false): void {
  // Node reports every further chunk of a connection that it cannot read.
  if (answered.has(socket)) return
  answered.add(socket)

  const written = listener === undefined ? undefined : writtenBy(listener, error, socket)
  if (written === '' || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error)
    return
  }
  const fallback = { statusCode: 400, message: messageFor(error), headers: [] }
  answerInTurn({ contract, socket, error, hasBegun, answer: written === undefined ? fallback : read(written, contract, fallback) })
}

/**
 * Leaves a client error to `listener` if it is not in a request that was read
 * in part, or behind one that is not answered yet: what `listener` writes
 * there would be taken for that answer, whatever has been done for it.
 */
export function answerIfAwaited (contract: Contract, error: ClientError, socket: Socket, listener: ClientErrorListener, hasBegun: HasBegun): void {
  if (answered.has(socket) || currentOf(socket) || isBroken(socket)) answerClientError(contract, error, socket, listener, hasBegun)
  else listener(error, socket)
}

/** Answers, by the contract, on a connection that has no response object, and closes it. */
export function answerOnSocket (contract: Contract, socket: Socket, statusCode: number, message: string): void {
  close(socket, headOf(contract, { statusCode, message, headers: [] }))
}

// Node's own names.
type Connection = Socket & {
  /** The response that is to go out next. */
  _httpMessage?: Response | null
  /** What reads the requests, with the one that it reads, or has read last. */
  parser?: { incoming?: IncomingMessage | null } | null
}
type Response = ServerResponse & { _header?: string | null }

function currentOf (socket: Connection): Response | null | undefined {
  return socket._httpMessage
}

/** Whether the body of a request breaks off. */
function isBroken (socket: Connection): boolean {
  return socket.parser?.incoming?.complete === false
}

interface Failure {
  contract: Contract
  socket: Socket
  error: Error
  hasBegun: HasBegun
  answer: Answer
}

function answerInTurn (failure: Failure): void {
  const { contract, socket, hasBegun, answer } = failure
  if (!socket.writable) return
  const current = currentOf(socket)
  if (!current) {
    // A request that is answered gets no second answer.
    if (isBroken(socket)) closeLingering(socket)
    else close(socket, headOf(contract, answer))
    return
  }
  // By headersSent, a head that is held for its message would be sent.
  const isSent = typeof current._header === 'string'
  if (isSent && !current.writableEnded) {
    // An error is complete while its body is still written, and dropped.
    if (freeConnection(current)) answerInTurn(failure)
    else socket.destroy(failure.error)
  } else if (isSent || current.req.complete) {
    current.once('close', () => {
      if (current.req.complete) answerInTurn(failure)
      else closeLingering(socket)
    })
  } else {
    answerBroken(current, answer, hasBegun(current))
  }
}

/**
 * Answers a request that broke off, unless a head is held that somebody gave
 * it. By its response, so that no handler is called for it any more.
 */
function answerBroken (response: Response, { statusCode, message, headers }: Answer, hasBegun: boolean): void {
  response.setHeader('connection', 'close')
  if (!response.headersSent) {
    const isUnknown = hasBegun && !isServerError(statusCode)
    for (const line of headers) response.appendHeader(fieldOf(line), line.slice(line.indexOf(':') + 1).trim())
    response.statusCode = isUnknown ? 500 : statusCode
    say(response, isUnknown ? `The request broke off while it was processed, so its outcome is unknown${message && ` (${message})`}` : message)
  }
  response.end()
}

function close (socket: Socket, head: string): void {
  if (!socket.writable) return
  socket.end(head, 'latin1')
  destroyLater(socket)
  socket.resume()
}

interface Answer {
  statusCode: number
  message: string
  /** Header lines. */
  headers: string[]
}

function headOf (contract: Contract, { statusCode, message, headers }: Answer): string {
  const code = contract.fold(statusCode)
  const reason = contract.reason(code, message)
  const lines = [`HTTP/1.1 ${code} ${reasonPhrase(reason)}`, ...headers]
  const has = (field: string): boolean => headers.some(line => fieldOf(line) === field)
  if (!has('date')) lines.push(`Date: ${new Date().toUTCString()}`)
  if (code === 401 && !has('www-authenticate')) lines.push(`WWW-Authenticate: ${contract.challenge}`)
  lines.push('Connection: close', 'Content-Length: 0', `${contract.header}: ${reason}`)
  return lines.join('\r\n') + '\r\n\r\n'
}

// Parse errors and time-outs are about the request, others about the connection.
function messageFor (error: ClientError): string {
  return /^(?:HPE_|ERR_HTTP_REQUEST_TIMEOUT$)/.test(error.code ?? '') ? messageOf(error) : ''
}

/**
 * What the listener writes on the socket, kept from the wire; undefined if it
 * leaves the socket alone, and an empty string if it closes it without a word.
 */
function writtenBy (listener: ClientErrorListener, error: ClientError, socket: Socket): string | undefined {
  let written: string | undefined
  const take = (chunk?: unknown, ...rest: unknown[]): void => {
    written ??= ''
    const [encoding] = rest
    if (typeof chunk === 'string') written += Buffer.from(chunk, (typeof encoding === 'string' ? encoding : 'utf8') as BufferEncoding).toString('latin1')
    else if (chunk instanceof Uint8Array) written += Buffer.from(chunk).toString('latin1')
    const callback = [chunk, ...rest].find(argument => typeof argument === 'function')
    if (callback !== undefined) process.nextTick(callback as () => void)
  }
  const taken = {
    write: (...args: unknown[]) => { take(...args); return true },
    end: (...args: unknown[]) => { take(...args); return socket },
    destroy: () => { take(); return socket },
    destroySoon: () => { take() }
  }
  Object.assign(socket, taken)
  try {
    listener(error, socket)
  } finally {
    for (const name in taken) delete (socket as Partial<Socket>)[name as keyof typeof taken]
  }
  return written
}

function read (written: string, contract: Contract, fallback: Answer): Answer {
  const [head = '', ...body] = written.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const [, status, phrase] = /^HTTP\/1\.[01] ([45]\d\d)(?: (.*))?$/.exec(statusLine) ?? []
  if (status === undefined) return fallback
  const carried = lines.find(line => fieldOf(line) === contract.field)
  return {
    statusCode: Number(status),
    message: carried?.slice(contract.field.length + 1) ||
      (phrase !== STATUS_CODES[status] && phrase) ||
      messageIn(body.join('\r\n\r\n')) ||
      fallback.message,
    headers: lines.filter(line => FIELD_LINE.test(line) && isKept(fieldOf(line), contract))
  }
}

// RFC 9112 section 5: a token, a colon, and no control characters.
const FIELD_LINE = /^[!#$%&'*+.^`|~\w-]+:[\t -~\x80-\xff]*$/

function isKept (field: string, contract: Contract): boolean {
  return field !== 'connection' && field !== contract.field && !isRepresentationMetadata(field)
}

function fieldOf (line: string): string {
  return line.slice(0, Math.max(line.indexOf(':'), 0)).toLowerCase()
}
