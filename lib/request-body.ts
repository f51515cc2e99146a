import { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

const kReleased = Symbol('fastify-reason-phrase.released')

/** A request, of HTTP/1.1 or HTTP/2, with what Node's types do not tell of it. */
type Request = IncomingMessage & {
  /** Whether nobody needs the body any more. */
  [kReleased]?: boolean
  /** Over HTTP/1.1, the connection. Streams that destroy a request take `socket` from it, to keep the connection. */
  client: Socket
  /** Over HTTP/1.1: drops what is still to come of the body. */
  _dump (): void
  /** Over HTTP/2 only. */
  stream?: ServerHttp2Stream
}

/**
 * Lets an error be answered whose payload is dropped, and may be made of the
 * body of its own request: by a pipe, a transform, a web stream, a generator.
 * To destroy such a payload can destroy the request, and Node would destroy
 * the connection with it, and so the answer. From here on, Node drops the
 * rest of the body instead. Once the answer is sent, nobody else reads it.
 */
export function releaseBody (request: IncomingMessage): void {
  if (request.readableEnded) return
  (request as Request)[kReleased] = true
  if (request instanceof IncomingMessage) request._destroy = destroyBody
}

/**
 * Drops the rest of a body that nobody can read any more, since its request
 * was destroyed or released: else it would hold back the next request of the
 * connection, or its own HTTP/2 stream, for ever. Called when an error is
 * answered.
 */
export function dropBody (request: IncomingMessage): void {
  const { destroyed, complete, stream, [kReleased]: released } = request as Request
  if (released === true) request.destroy()
  if (stream !== undefined) {
    // Node does the same for a body that nobody read, but not for one whose response ended with its head.
    if (!complete && (request.destroyed || request.readableFlowing === null)) stream.close()
  } else if (destroyed && !complete && request instanceof IncomingMessage) {
    dropRest(request as Request)
  }
}

function destroyBody (this: IncomingMessage, error: Error | null, callback: (error?: Error | null) => void): void {
  if ((this as Request).client.destroyed) {
    Object.getPrototypeOf(this)._destroy.call(this, error, callback)
    return
  }
  dropRest(this as Request)
  // Node's requests emit an error only where somebody listens.
  process.nextTick(callback, this.listenerCount('error') > 0 ? error : null)
}

function dropRest (request: Request): void {
  request._dump()
  // Node pauses a connection that is ahead of its reader, maybe just now.
  process.nextTick(() => { request.client.resume() })
}
