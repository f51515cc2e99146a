import { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { finished, type Readable } from 'node:stream'
import { setImmediate as pause } from 'node:timers/promises'
import { discard } from '../body.js'

// How long, in milliseconds, a payload may go on after the body that it may be made of.
const PATIENCE = 1000

type Body = Readable | ReadableStream<Uint8Array>

/** A request, of HTTP/1.1 or HTTP/2, with what Node's types do not tell of it. */
type Request = IncomingMessage & {
  /** Over HTTP/1.1, the connection. Streams that destroy a request take `socket` from it, to keep the connection. */
  client: Socket
  /** Over HTTP/1.1: drops what is still to come of the body. */
  _dump (): void
  /** Over HTTP/2 only. */
  stream?: ServerHttp2Stream
}

/**
 * Returns the payload of an error in a form that is drained, not destroyed,
 * when it is cancelled, if it may be made of the body of its own request: by a
 * pipe, a transform, a web stream or a generator. Destroying such a payload can
 * destroy the request, and the connection before the answer is sent. Leaving it
 * unread blocks the next request of the connection.
 */
export function drainOnCancel<T extends Body | null> (payload: T, request: IncomingMessage): T {
  // Nobody has read of the body yet, or all of it is read.
  const isOther = (request.readableFlowing === null && payload !== request as unknown) || request.readableEnded
  return payload === null || isOther ? payload : new DrainingBody(payload, request) as unknown as T
}

/** Yields the chunks of a body. When it is cancelled, the rest is read and dropped. */
class DrainingBody {
  readonly #body: Body
  readonly #request: IncomingMessage
  #iterator: AsyncIterator<unknown> | undefined
  #cancel: (result: IteratorReturnResult<undefined>) => void = () => {}
  #isCancelled = false

  constructor (body: Body, request: IncomingMessage) {
    this.#body = body
    this.#request = request
  }

  [Symbol.asyncIterator] (): AsyncIterator<unknown> {
    const iterator = this.#iterator = iteratorOf(this.#body)
    const cancelled = new Promise<IteratorReturnResult<undefined>>(resolve => { this.#cancel = resolve })
    return { next: async () => await Promise.race([iterator.next(), cancelled]) }
  }

  async cancel (): Promise<void> {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#cancel({ done: true, value: undefined })
    const iterator = this.#iterator ?? iteratorOf(this.#body)
    const request = this.#request
    let timer: NodeJS.Timeout | undefined
    // A payload that is made of something else can be without an end.
    const limit = (): void => { timer ??= setTimeout(() => { discard(this.#body) }, PATIENCE) }
    const ignore = finished(request, limit)
    // Once it is answered, Node does not tell a request that its client is gone.
    const client = request instanceof IncomingMessage ? (request as Request).client : undefined
    client?.once('close', limit)
    try {
      // Not at once, since a source that never waits would let nothing else go on.
      while ((await iterator.next()).done !== true) await pause()
    } finally {
      ignore()
      client?.removeListener('close', limit)
      clearTimeout(timer)
    }
  }
}

function iteratorOf (body: Body): AsyncIterator<unknown> {
  if (!('getReader' in body)) return body.iterator({ destroyOnReturn: false })
  const reader = body.getReader()
  return { next: async () => await reader.read() as IteratorResult<unknown> }
}

/**
 * Drops the rest of a body that nobody can read any more, or that nobody has
 * read at all, once an error is answered: else it would hold back the next
 * request of the connection, or its own HTTP/2 stream, for ever.
 */
export function dropBody (request: IncomingMessage): void {
  const { complete, destroyed, readableFlowing, stream } = request as Request
  if (complete) return
  if (destroyed) dropRest(request as Request)
  else if (readableFlowing !== null) request.once('close', () => { dropRest(request as Request) })
  // Node does so, too, but not where the response ends with its head.
  else if (stream !== undefined) closeStream(stream)
}

function dropRest (request: Request): void {
  if (request.stream !== undefined) {
    closeStream(request.stream)
    // One that still has data for its request does not end.
    request.stream.removeAllListeners('data').resume()
  } else if (request instanceof IncomingMessage) {
    const { client } = request
    request._dump()
    // Node pauses a connection that is ahead of its reader, maybe just now.
    process.nextTick(() => { client.resume() })
  }
}

/** Closes a stream once its response is sent. Node 26 would give up one that is not on its way. */
function closeStream (stream: ServerHttp2Stream): void {
  const close = (): void => { setImmediate(() => { stream.close() }) }
  if (stream.writableFinished) close()
  else stream.once('finish', close)
}
