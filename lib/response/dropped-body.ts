import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import { discardSource } from '../body.js'

/** How many bytes of one body are dropped before its source is closed. */
export const MAX_DROPPED_BYTES = 64 * 1024 * 1024

/** How long the body of one response is dropped before its source is closed, in milliseconds. */
export const DROPPING_TIMEOUT_MS = 30_000

/** A response, with a member that Node's types do not have. */
type NodeResponse = ServerResponse & {
  /** Whether `close` was emitted. */
  _closed?: boolean
}

/**
 * Drops the body that is still written to a response after the client has all
 * of it. To the writer, the response stays open until it is ended or destroyed:
 * a piped source is read to its end, and `pipeline()` and `pipeTo()` resolve.
 * Meanwhile the connection goes on to its next request.
 *
 * The source of a longer body than {@link MAX_DROPPED_BYTES}, or of one that
 * takes longer than {@link DROPPING_TIMEOUT_MS}, is closed.
 */
export class DroppedBody {
  readonly #response: NodeResponse
  readonly #timer: NodeJS.Timeout
  readonly #close: () => void
  #bytesLeft = MAX_DROPPED_BYTES

  constructor (response: ServerResponse) {
    this.#response = response
    this.#timer = setTimeout(() => { this.#giveUp() }, DROPPING_TIMEOUT_MS)
    this.#timer.unref()
    if (response instanceof Http2ServerResponse) {
      this.#close = holdEvents(response)
    } else {
      this.#close = () => {}
      // A writer that ends in this tick needs none of this.
      setImmediate(releaseConnection, response)
    }
  }

  /** Counts a chunk that was dropped. */
  take (chunk: unknown): void {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) this.#giveUp()
  }

  /** Stops the time limit, since the writer has ended or destroyed the response. */
  end (): void {
    clearTimeout(this.#timer)
    this.#close()
  }

  /** Ends the response for its writer. A piped source is closed when Node unpipes it. */
  #giveUp (): void {
    this.#bytesLeft = Infinity
    this.#response.on('unpipe', discardSource)
    this.#response.end()
  }
}

/**
 * Has Node go on with the connection of an HTTP/1.1 response that is complete
 * on the wire, but not ended. Node does this in its own listener for `finish`.
 */
export function releaseConnection (response: NodeResponse): void {
  if (response.writableEnded || response.destroyed) return
  if (response.socket === null) {
    // An earlier response of the connection is not complete.
    response.once('socket', () => { setImmediate(releaseConnection, response) })
    return
  }
  const finishInNode = response.listeners('finish').find(isNodeListener)
  // In another version of Node, the next request waits for the writer.
  if (finishInNode === undefined) return
  response.off('finish', finishInNode as () => void)
  // Node announces the close of the response, unless it is closed already.
  response._closed = true
  finishInNode.call(response)
  process.nextTick(reopen, response)
  response.once('finish', () => { process.nextTick(close, response) })
}

/** The names of Node's listener in Node 20 to 24, and in Node 26. */
const NODE_LISTENER_NAMES = ['bound resOnFinish', 'onResponseFinish']

function isNodeListener ({ name }: Function): boolean {
  return NODE_LISTENER_NAMES.includes(name)
}

function reopen (response: NodeResponse): void {
  response._closed = false
}

function close (response: NodeResponse): void {
  response.destroyed = true
  response._closed = true
  response.emit('close')
}

/**
 * Keeps an HTTP/2 response from showing that its stream is closed.
 *
 * @returns a function that ends this, and emits the events that were held
 */
function holdEvents (response: Http2ServerResponse): () => void {
  const held: string[] = []
  const { emit } = response
  let isOpen = true
  response.emit = (event: string, ...args: unknown[]) => {
    if (!isOpen || (event !== 'finish' && event !== 'close')) return emit.call(response, event, ...args)
    held.push(event)
    return false
  }
  const isEnded = { get: () => !isOpen, configurable: true }
  Object.defineProperties(response, { writableEnded: isEnded, finished: isEnded, writableFinished: isEnded })
  return () => {
    isOpen = false
    process.nextTick(() => { for (const event of held) response.emit(event) })
  }
}
