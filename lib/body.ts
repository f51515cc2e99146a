import { IncomingMessage } from 'node:http'
import { Http2ServerRequest } from 'node:http2'
import type { Readable } from 'node:stream'

// How much of a dropped body is read for its message.
const READABLE = 64 * 1024

// How long a dropped body may keep its answer waiting, in milliseconds.
const PATIENCE = 1000

/** Whether a payload is a fetch `Response`, of whichever implementation. */
export function isWebResponse (payload: unknown): payload is Response {
  return typeof payload === 'object' && payload !== null && Object.prototype.toString.call(payload) === '[object Response]'
}

/** Closes a body that will not be sent, and whatever is piped into it. */
export function discard (body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  if ('destroy' in body) {
    // It may fail while it closes, and nobody else listens any more.
    (body as Readable).on('error', () => {}).on('unpipe', discardSource).destroy()
  } else if ('cancel' in body) {
    (body as ReadableStream).cancel().catch(() => {})
  }
}

/**
 * Closes what was piped into a body. A request that a server receives is read
 * to its end instead: destroying it would destroy the connection, and lose the
 * answer.
 */
export function discardSource (source: Readable): void {
  if (isRequest(source)) source.resume()
  else discard(source)
}

function isRequest (body: object): body is Readable {
  return body instanceof Http2ServerRequest || (body instanceof IncomingMessage && body.statusCode === null)
}

/** The start of a body, and whether there is, or should have been, more of it. */
export interface Start {
  bytes: Uint8Array
  isCut: boolean
}

/** The start of a body that will not be sent; its source is closed. */
export async function readStart (body: Readable | ReadableStream<Uint8Array> | null): Promise<Start> {
  const chunks: Uint8Array[] = []
  let length = 0
  let isCut = false
  let source: AsyncIterable<Uint8Array> | undefined
  const timer = setTimeout(() => {
    isCut = true
    // This ends a read that waits.
    discard(source)
  }, PATIENCE)
  try {
    source = sourceOf(body!)
    for await (const value of source) {
      const chunk = Buffer.from(value) // a string, too, is let through by fetch
      chunks.push(chunk)
      length += chunk.length
      // A byte more than is read of a body shows that there was more.
      isCut = length > READABLE
      if (isCut) break
    }
  } catch {
    // No body, or one that fails: what was read is what there is.
    isCut = true
  }
  clearTimeout(timer)
  discard(source)
  return { bytes: Buffer.concat(chunks), isCut }
}

// The iterator of a web stream cannot be closed while it waits.
function sourceOf (body: Readable | ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!('getReader' in body)) {
    // The iterator destroys a stream that it does not read to its end.
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
