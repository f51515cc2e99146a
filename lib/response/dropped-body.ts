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
 * Drops the body that a writer still writes to an error after the client has
 * the complete response. For the writer, the response stays open until the
 * writer ends or destroys it: a piped source is read to its end, and
 * `pipeline()` and `pipeTo()` resolve. Meanwhile, the connection continues with
 * its next request.
 *
 * If the body is longer than {@link MAX_DROPPED_BYTES}, or takes longer than
 * {@link DROPPING_TIMEOUT_MS}, its source is closed.
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
      // If the writer ends the response in this tick, there is nothing to release.
      setImmediate(releaseConnection, response)
    }
  }

  /** Counts a chunk that was dropped. */
  take (chunk: unknown): void {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) this.#giveUp()
  }

  /** Stops the timer, and emits the held events. Call it when the writer has ended or destroyed the response. */
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
 * Makes Node continue with the connection of an HTTP/1.1 response that is sent
 * completely, but not ended. Node does this in its own listener for `finish`.
 */
export function releaseConnection (response: NodeResponse): void {
  if (response.writableEnded || response.destroyed) return
  if (response.socket === null) {
    // An earlier response of the connection is not complete, so this one has no socket yet.
    response.once('socket', () => { setImmediate(releaseConnection, response) })
    return
  }
  const finishInNode = response.listeners('finish').find(isNodeListener)
  // A version of Node without this listener lets the next request wait for the writer.
  if (finishInNode === undefined) return
  response.off('finish', finishInNode as () => void)
  // Node emits close for the response, unless it is already closed.
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
 * Hides from the writer of an HTTP/2 response that its stream is closed.
 *
 * @returns a function that shows it again, and emits the events that were held
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
