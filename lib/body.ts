import { IncomingMessage } from 'node:http'
import { Http2ServerRequest } from 'node:http2'
import type { Readable } from 'node:stream'
import { MAX_EXAMINED_BODY_LENGTH } from './message.js'

/** How long the response waits for the start of a dropped body, in milliseconds. */
const READ_TIMEOUT_MS = 1000

/** Returns whether a payload is a fetch `Response`, of any implementation. */
export function isWebResponse (payload: unknown): payload is Response {
  return typeof payload === 'object' && payload !== null && Object.prototype.toString.call(payload) === '[object Response]'
}

/** Destroys a body that will not be sent, and whatever is piped into it. */
export function discard (body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  if ('destroy' in body) {
    // The stream may fail while it closes. Without a listener, its error would end the process.
    (body as Readable).on('error', () => {}).on('unpipe', discardSource).destroy()
  } else if ('cancel' in body) {
    (body as ReadableStream).cancel().catch(() => {})
  }
}

/**
 * Destroys a source that was piped into a body. The request of a server is read to its end instead, because destroying
 * it would destroy the connection, and the client would lose the response.
 */
export function discardSource (source: Readable): void {
  if (isRequest(source)) source.resume()
  else discard(source)
}

function isRequest (body: object): body is Readable {
  return body instanceof Http2ServerRequest || (body instanceof IncomingMessage && body.statusCode === null)
}

/** The start of a body. */
export interface BodyStart {
  bytes: Uint8Array
  /** Whether the body goes on, or should have gone on, after these bytes. */
  isCut: boolean
}

/** Reads the start of a body that will not be sent, and then destroys the body. */
export async function readStart (body: Readable | ReadableStream<Uint8Array> | null): Promise<BodyStart> {
  const chunks: Uint8Array[] = []
  let length = 0
  let isCut = false
  let source: AsyncIterable<Uint8Array> | undefined
  const timer = setTimeout(() => {
    isCut = true
    // This ends a pending read.
    discard(source)
  }, READ_TIMEOUT_MS)
  try {
    source = toAsyncIterable(body!)
    for await (const value of source) {
      const chunk = Buffer.from(value) // The stream of a fetch Response can contain strings as well.
      chunks.push(chunk)
      length += chunk.length
      // One byte more than the examined part shows that the body goes on.
      isCut = length > MAX_EXAMINED_BODY_LENGTH
      if (isCut) break
    }
  } catch {
    // There is no body, or reading it failed. The bytes that were read before are returned.
    isCut = true
  }
  clearTimeout(timer)
  discard(source)
  return { bytes: Buffer.concat(chunks), isCut }
}

/** Returns an iterable over the chunks of a body. The own iterator of a web stream cannot be cancelled while it waits. */
function toAsyncIterable (body: Readable | ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!('getReader' in body)) {
    // The iterator destroys a stream that it does not read to its end. The sources of the stream must be closed as well.
    if ('on' in body) body.on('unpipe', discardSource)
    return body
  }
  const reader = body.getReader()
  const source = {
    [Symbol.asyncIterator]: () => ({ next: async () => await reader.read() as IteratorResult<Uint8Array> }),
    cancel: async () => await reader.cancel()
  }
  return source
}
