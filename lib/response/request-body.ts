import { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { finished, type Readable } from 'node:stream'
import { setImmediate as pause } from 'node:timers/promises'
import { discard } from '../body.js'

/** How long a payload is read after the request body has ended, in milliseconds. */
const DRAIN_TIMEOUT_MS = 1000

type Payload = Readable | ReadableStream<Uint8Array>

/** A request of HTTP/1.1 or HTTP/2, with members that Node's types do not have. */
type NodeRequest = IncomingMessage & {
  /** HTTP/1.1: the connection. Node's streams remove `socket` before they destroy a request, to keep the connection open. */
  client: Socket
  /** HTTP/1.1: drops the rest of the body. */
  _dump (): void
  /** HTTP/2 only. */
  stream?: ServerHttp2Stream
}

/**
 * Wraps the payload of an error that may read from the request body, through a pipe, a transform, a web stream or a generator.
 * When the wrapper is cancelled, it reads the payload to its end instead of destroying it. Destroying such a payload can
 * destroy the connection before the response is sent. Leaving it unread blocks the next request of the connection.
 */
export function drainOnCancel<T extends Payload | null> (payload: T, request: IncomingMessage): T {
  // A payload is not made of the request body if nobody reads the body yet, or if it was read to its end.
  const isOther = (request.readableFlowing === null && payload !== request as unknown) || request.readableEnded
  return payload === null || isOther ? payload : new DrainingBody(payload, request) as unknown as T
}

/** Yields the chunks of a body. When it is cancelled, the rest is read and dropped. */
class DrainingBody {
  readonly #body: Payload
  readonly #request: IncomingMessage
  #iterator: AsyncIterator<unknown> | undefined
  #cancel: (result: IteratorReturnResult<undefined>) => void = () => {}
  #isCancelled = false

  constructor (body: Payload, request: IncomingMessage) {
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
    // A payload that is not made of the request body can be endless.
    const limit = (): void => { timer ??= setTimeout(() => { discard(this.#body) }, DRAIN_TIMEOUT_MS) }
    const ignore = finished(request, limit)
    // A request that has its response emits nothing when the client disconnects.
    const client = request instanceof IncomingMessage ? (request as NodeRequest).client : undefined
    client?.once('close', limit)
    try {
      // Pause, because a source that never waits would block the event loop.
      while ((await iterator.next()).done !== true) await pause()
    } finally {
      ignore()
      client?.removeListener('close', limit)
      clearTimeout(timer)
    }
  }
}

function iteratorOf (body: Payload): AsyncIterator<unknown> {
  if (!('getReader' in body)) return body.iterator({ destroyOnReturn: false })
  const reader = body.getReader()
  return { next: async () => await reader.read() as IteratorResult<unknown> }
}

/**
 * Drops the rest of the request body after the response, if nobody can read the body any more, or nobody has started to
 * read it. An unread body would block the next request of the connection, or its own HTTP/2 stream.
 */
export function dropRequestBody (request: IncomingMessage): void {
  const { complete, destroyed, readableFlowing, stream } = request as NodeRequest
  if (complete) return
  if (destroyed) dropRest(request as NodeRequest)
  else if (readableFlowing !== null) request.once('close', () => { dropRest(request as NodeRequest) })
  // Node does this too, but not if the response ends with its header section.
  else if (stream !== undefined) closeStream(stream)
}

function dropRest (request: NodeRequest): void {
  if (request.stream !== undefined) {
    closeStream(request.stream)
    // The stream does not end while it has unread data for its request.
    request.stream.removeAllListeners('data').resume()
  } else if (request instanceof IncomingMessage) {
    const { client } = request
    request._dump()
    // Node may pause the connection in this tick, because it received more data than the reader wanted.
    process.nextTick(() => { client.resume() })
  }
}

/** Closes a stream after its response is sent. If it is closed earlier, Node 26 drops the response. */
function closeStream (stream: ServerHttp2Stream): void {
  const close = (): void => { setImmediate(() => { stream.close() }) }
  if (stream.writableFinished) close()
  else stream.once('finish', close)
}
