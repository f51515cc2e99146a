import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnsuccessful } from '../../lib/status-codes.js'
import type { Target } from '../target.js'
import { connectTo } from './connect.js'
import { LINGER_MS, MAX_EXCHANGE_BYTES, MAX_KEPT_RECEIVED_BYTES, type Exchange } from './exchange.js'
import { PrefixBuffer } from './prefix-buffer.js'
import { encodeRequest, type RequestLines } from './request.js'
import { readResponses, type ResponseSyntaxError } from './response-reader.js'
import type { HttpResponse } from './response.js'

/** One action on a connection. */
export type Step =
  /** Sends bytes. `method` is the method of the request that these bytes complete. */
  | { send: Uint8Array, method?: string }
  /** Waits until this number of responses was received on the connection, for at most `within` milliseconds. */
  | { responses: number, within?: number }
  /** Waits for the first received byte, for example of a 1xx, for at most `within` milliseconds. */
  | { bytes: true, within: number }
  /** Waits for a number of milliseconds. */
  | { pause: number }
  /** Closes this side of the connection. */
  | { end: true }
  /** Closes the connection as soon as all bytes are sent, and waits for no response. */
  | { cut: true }

/** Returns the step that sends a request. */
export async function requestStep (target: Target, request: RequestLines, version?: string): Promise<Step> {
  return { send: await encodeRequest(target, request, version), method: request.method ?? 'GET' }
}

/** Returns the step that sends the last request on a connection, with `Connection: close`. */
export async function lastRequestStep (target: Target, request: RequestLines): Promise<Step> {
  return await requestStep(target, { ...request, headers: { connection: 'close', ...request.headers } })
}

/**
 * Runs the steps on a new HTTP/1.1 connection, reads the responses, and closes
 * the connection.
 *
 * @param timeout in milliseconds. Default: the timeout of the target
 */
export async function exchangeHttp1 (target: Target, steps: readonly Step[], timeout = target.timeout): Promise<Exchange> {
  const connection = new Http1Connection(target, timeout)
  for (const step of steps) {
    if (connection.hasEnded) break
    await connection.run(step)
  }
  return await connection.finish()
}

/** A connection that reads responses while it runs steps. */
class Http1Connection {
  /** Whether the server sent its last byte. */
  hasEnded = false
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  readonly #closed: Promise<unknown>
  readonly #reading: Promise<void>
  readonly #leaving = new AbortController()
  readonly #progress = new EventTarget()
  readonly #sent: Uint8Array[] = []
  readonly #methods: string[] = []
  readonly #received = new PrefixBuffer(MAX_KEPT_RECEIVED_BYTES)
  readonly #responses: HttpResponse[] = []
  #isConnected = false
  #hasPartialResponse = false
  #bodyTimer: NodeJS.Timeout | undefined
  #maxBytes = MAX_EXCHANGE_BYTES
  #end: Exchange['end'] = 'closed'
  #connectError: Error | undefined
  #syntaxError: ResponseSyntaxError | undefined

  constructor (target: Target, timeout: number) {
    this.#socket = connectTo(target, 'http/1.1')
    this.#closed = new Promise(resolve => { this.#socket.once('close', resolve) })
    this.#socket.once(target.scheme === 'https' ? 'secureConnect' : 'connect', () => { this.#isConnected = true })
    this.#socket.on('error', error => {
      if (!this.#isConnected) this.#connectError ??= error
      // An AbortError is not a failure: Node destroys the socket with it after the last byte was read.
      else if (this.#end === 'closed' && error.name !== 'AbortError') this.#end = 'reset'
    })
    this.#timer = setTimeout(() => {
      if (!this.#isConnected) this.#connectError ??= new Error(`no connection within ${timeout} ms`)
      this.#leave('timeout')
    }, timeout)
    this.#reading = this.#readResponses()
  }

  /** Runs one step. */
  async run (step: Step): Promise<void> {
    if ('send' in step) {
      this.#sent.push(step.send)
      if (step.method !== undefined) this.#methods.push(step.method)
      if (this.#socket.writable) this.#socket.write(step.send)
    } else if ('responses' in step) {
      await this.#waitUntil(() => this.#responses.length >= step.responses, step.within)
    } else if ('bytes' in step) {
      await this.#waitUntil(() => this.#received.length > 0, step.within)
    } else if ('pause' in step) {
      await sleep(step.pause, undefined, { signal: this.#leaving.signal }).catch(() => {})
    } else if ('cut' in step) {
      // The callback of an empty write runs after all earlier bytes were passed to the operating system, or after an error.
      await new Promise(resolve => { this.#socket.write('', resolve) })
      this.#leave('left')
    } else {
      // Some servers close a half-closed connection. This would hide that a response never ends, so wait for its end first.
      await this.#waitUntil(() => !this.#hasPartialResponse)
      this.#socket.end()
    }
  }

  /** Waits for the responses to all requests, closes the connection, and returns the exchange. */
  async finish (): Promise<Exchange> {
    await this.#waitUntil(() => this.#responses.length >= this.#methods.length)
    await this.#waitUntil(() => false, LINGER_MS)
    clearTimeout(this.#timer)
    clearTimeout(this.#bodyTimer)
    if (!this.hasEnded && !this.#leaving.signal.aborted) this.#end = 'left'
    this.#socket.destroy()
    await Promise.all([this.#reading, this.#closed])
    this.#acceptIncompleteError()
    return {
      sent: Buffer.concat(this.#sent),
      received: this.#received.bytes(),
      receivedLength: this.#received.length,
      responses: this.#responses,
      requestCount: this.#methods.length,
      syntaxError: this.#syntaxError,
      end: this.#end,
      connectError: this.#connectError
    }
  }

  async #readResponses (): Promise<void> {
    const onHeaders = (statusCode: number): void => { this.#startBody(statusCode) }
    try {
      for await (const response of readResponses(this.#readBytes(), this.#methods, { onHeaders, isClosedByServer: () => this.#end === 'closed' })) {
        this.#endBody()
        this.#responses.push(response)
        this.#notify()
      }
    } catch (error) {
      this.#syntaxError = error as ResponseSyntaxError
    }
    this.hasEnded = true
    this.#notify()
  }

  async * #readBytes (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        this.#received.push(chunk)
        this.#notify()
        yield chunk
        if (this.#received.length > this.#maxBytes) this.#leave(this.#bodyTimer === undefined ? 'limit' : 'left')
      }
    } catch {
      // The listener for the error event has already recorded how the connection ended.
    }
  }

  #startBody (statusCode: number): void {
    this.#hasPartialResponse = true
    if (!isUnsuccessful(statusCode)) return
    // An error with a body breaks the contract, so there is no need to wait for the end of the body.
    this.#bodyTimer = setTimeout(() => { this.#leave('left') }, LINGER_MS)
    this.#maxBytes = MAX_KEPT_RECEIVED_BYTES
  }

  #endBody (): void {
    clearTimeout(this.#bodyTimer)
    this.#bodyTimer = undefined
    this.#maxBytes = MAX_EXCHANGE_BYTES
    this.#hasPartialResponse = false
  }

  /** Treats an incomplete error as a complete response, because its header section can be checked. */
  #acceptIncompleteError (): void {
    const response = this.#syntaxError?.response
    if (response === undefined || !isUnsuccessful(response.statusCode)) return
    if (this.#end !== 'left' && this.#end !== 'reset') return
    this.#responses.push(response)
    this.#syntaxError = undefined
  }

  #leave (reason: Exchange['end']): void {
    this.#end = reason
    this.#leaving.abort()
    this.#socket.destroy()
  }

  #notify (): void {
    this.#progress.dispatchEvent(new Event('progress'))
  }

  async #waitUntil (isMet: () => boolean, within?: number): Promise<void> {
    const signal = AbortSignal.any([this.#leaving.signal, ...within === undefined ? [] : [AbortSignal.timeout(within)]])
    while (!this.hasEnded && !isMet() && !signal.aborted) {
      await once(this.#progress, 'progress', { signal }).catch(() => {})
    }
  }
}
