import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Contract } from './contract.js'
import { messageFromBody } from './message.js'
import { isRepresentationMetadata } from './representation-metadata.js'

/** An error that is sent on a socket. */
export interface ErrorResponse {
  statusCode: number
  message: string
  headerLines: string[]
}

/**
 * Returns what a function writes to a socket synchronously. Nothing of it is sent. Undefined if the function does not use
 * the socket; empty if it only closes the socket.
 */
export function captureWrites (socket: Socket, write: () => void): string | undefined {
  let written: string | undefined
  const capture = (chunk?: unknown, ...rest: unknown[]): void => {
    written ??= ''
    const [encoding] = rest
    if (typeof chunk === 'string') written += Buffer.from(chunk, (typeof encoding === 'string' ? encoding : 'utf8') as BufferEncoding).toString('latin1')
    else if (chunk instanceof Uint8Array) written += Buffer.from(chunk).toString('latin1')
    const callback = [chunk, ...rest].find(argument => typeof argument === 'function')
    if (callback !== undefined) process.nextTick(callback as () => void)
  }
  const captured = {
    write: (...args: unknown[]) => { capture(...args); return true },
    end: (...args: unknown[]) => { capture(...args); return socket },
    destroy: () => { capture(); return socket },
    destroySoon: () => { capture() }
  }
  Object.assign(socket, captured)
  try {
    write()
  } finally {
    for (const name in captured) delete (socket as Partial<Socket>)[name as keyof typeof captured]
  }
  return written
}

/** Returns the error in the text of an HTTP/1.1 response, or the fallback if the text is not an unsuccessful response. */
export function parseErrorResponse (text: string, contract: Contract, fallback: ErrorResponse): ErrorResponse {
  const [head = '', ...body] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const [, status, phrase] = /^HTTP\/1\.[01] ([45]\d\d)(?: (.*))?$/.exec(statusLine) ?? []
  if (status === undefined) return fallback
  const messageLine = lines.find(line => fieldOfLine(line) === contract.field)
  return {
    statusCode: Number(status),
    message: messageLine?.slice(contract.field.length + 1) ||
      (phrase !== STATUS_CODES[status] && phrase) ||
      messageFromBody(body.join('\r\n\r\n')) ||
      fallback.message,
    headerLines: lines.filter(line => FIELD_LINE.test(line) && isKept(fieldOfLine(line), contract))
  }
}

/** Matches a field line: a token, a colon, and no control characters (RFC 9112 section 5). */
const FIELD_LINE = /^[!#$%&'*+.^`|~\w-]+:[\t -~\x80-\xff]*$/

function isKept (field: string, contract: Contract): boolean {
  return field !== 'connection' && field !== contract.field && !isRepresentationMetadata(field)
}

/** Returns the name of the field in a line, in lower case. */
export function fieldOfLine (line: string): string {
  return line.slice(0, Math.max(line.indexOf(':'), 0)).toLowerCase()
}
