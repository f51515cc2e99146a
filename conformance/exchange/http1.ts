import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnsuccessful } from '../../lib/status-codes.js'
import type { Target } from '../target.js'
import { connectTo } from './connect.js'
import { LINGER_MS, MAX_EXCHANGE_BYTES, MAX_KEPT_RECEIVED_BYTES, type Exchange } from './exchange.js'
import { PrefixBuffer } from './prefix-buffer.js'
import { encodeRequest, type RequestOptions } from './request.js'
import { readResponses, type ResponseSyntaxError } from './response-reader.js'
import type { HttpResponse } from './response.js'

/** One action on a connection. */
export type Step =
  /** Sends bytes. `method` is the method of the request that the bytes complete. */
  | { send: Uint8Array, method?: string }
  /** Waits for a total number of responses, for at most `within` milliseconds. */
  | { responses: number, within?: number }
  /** Waits for the first byte, such as that of a 1xx, for at most `within` milliseconds. */
  | { bytes: true, within: number }
  /** Waits for a number of milliseconds. */
  | { pause: number }
  /** Closes this side of the connection. */
  | { end: true }

/** Returns the step that sends a request. */
export async function requestStep (target: Target, request: RequestOptions, version?: string): Promise<Step> {
  return { send: await encodeRequest(target, request, version), method: request.method ?? 'GET' }
}

/** Returns the step that sends the last request on a connection, with `Connection: close`. */
export async function lastRequestStep (target: Target, request: RequestOptions): Promise<Step> {
  return await requestStep(target, { ...request, headers: { connection: 'close', ...request.headers } })
}

/**
 * Runs the steps on a new HTTP/1.1 connection, reads the responses, and closes
 * the connection.
 *
 * @param timeout in milliseconds. Default: that of the target
 */
export async function exchangeHttp1 (target: Target, steps: readonly Step[], timeout = target.timeout): Promise<Exchange> {
  const socket = connectTo(target, 'http/1.1')
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const sent: Uint8Array[] = []
  const received = new PrefixBuffer(MAX_KEPT_RECEIVED_BYTES)
  const responses: HttpResponse[] = []
  const methods: string[] = []
  let syntaxError: ResponseSyntaxError | undefined
  let end: Exchange['end'] = 'closed'
  let connectError: Error | undefined
  let isConnected = false
  const state = { hasEnded: false }
  const leaving = new AbortController()
  const progress = new EventTarget()
  const notify = (): void => { progress.dispatchEvent(new Event('progress')) }

  socket.once(target.scheme === 'https' ? 'secureConnect' : 'connect', () => { isConnected = true })
  socket.on('error', error => {
    if (!isConnected) connectError ??= error
    // When a stream was read to its end, it closes its other side with an AbortError.
    else if (end === 'closed' && error.name !== 'AbortError') end = 'reset'
  })

  const leave = (reason: Exchange['end']): void => {
    end = reason
    leaving.abort()
    socket.destroy()
  }

  // An error that does not end with its header section breaks the contract, so its end is not awaited.
  let bodyTimer: NodeJS.Timeout | undefined
  let hasPartialResponse = false
  let maxBytes = MAX_EXCHANGE_BYTES
  const onHeaders = (statusCode: number): void => {
    hasPartialResponse = true
    if (!isUnsuccessful(statusCode)) return
    bodyTimer = setTimeout(leave, LINGER_MS, 'left')
    maxBytes = MAX_KEPT_RECEIVED_BYTES
  }

  async function * bytes (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        received.push(chunk)
        notify()
        yield chunk
        if (received.length > maxBytes) leave(bodyTimer === undefined ? 'limit' : 'left')
      }
    } catch {
      // The error event of the socket tells how it ended.
    }
  }

  const reading = (async () => {
    try {
      for await (const response of readResponses(bytes(), methods, { onHeaders, isClosedByServer: () => end === 'closed' })) {
        clearTimeout(bodyTimer)
        bodyTimer = undefined
        maxBytes = MAX_EXCHANGE_BYTES
        hasPartialResponse = false
        responses.push(response)
        notify()
      }
    } catch (error) {
      syntaxError = error as ResponseSyntaxError
    }
    state.hasEnded = true
    notify()
  })()

  const timer = setTimeout(() => {
    if (!isConnected) connectError ??= new Error(`no connection within ${timeout} ms`)
    leave('timeout')
  }, timeout)

  const waitUntil = async (isMet: () => boolean, within?: number): Promise<void> => {
    const signal = AbortSignal.any([leaving.signal, ...within === undefined ? [] : [AbortSignal.timeout(within)]])
    while (!state.hasEnded && !isMet() && !signal.aborted) {
      await once(progress, 'progress', { signal }).catch(() => {})
    }
  }

  for (const step of steps) {
    if (state.hasEnded) break
    if ('send' in step) {
      sent.push(step.send)
      if (step.method !== undefined) methods.push(step.method)
      if (socket.writable) socket.write(step.send)
    } else if ('responses' in step) {
      await waitUntil(() => responses.length >= step.responses, step.within)
    } else if ('bytes' in step) {
      await waitUntil(() => received.length > 0, step.within)
    } else if ('pause' in step) {
      await sleep(step.pause, undefined, { signal: leaving.signal }).catch(() => {})
    } else {
      // Some servers close a half-closed connection. That would hide a response that never ends, so wait for its end first.
      await waitUntil(() => !hasPartialResponse)
      socket.end()
    }
  }
  await waitUntil(() => responses.length >= methods.length)
  await waitUntil(() => false, LINGER_MS)
  clearTimeout(timer)
  clearTimeout(bodyTimer)
  if (!state.hasEnded && !leaving.signal.aborted) end = 'left'
  socket.destroy()
  await Promise.all([reading, closed])
  // The header section of an incomplete error can be checked like a complete response.
  const isIncomplete = (['left', 'reset'] as Array<Exchange['end']>).includes(end)
  if (isIncomplete && syntaxError?.response !== undefined && isUnsuccessful(syntaxError.response.statusCode)) {
    responses.push(syntaxError.response)
    syntaxError = undefined
  }
  return {
    sent: Buffer.concat(sent),
    received: received.bytes(),
    receivedLength: received.length,
    responses,
    requestCount: methods.length,
    syntaxError,
    end,
    connectError
  }
}
