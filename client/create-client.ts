import { trackSend, type SendTracker } from './send-tracker.js'
import { createDeadline, type Deadline } from './deadline.js'
import { getErrorMessage } from './error-message.js'
import { outcomeOf } from './outcome.js'
import { throwInvalidArgument } from './invalid-argument.js'
import { createRequest, isStream, parseBaseUrl, type RequestOptions } from './request.js'
import { readBody } from './response-body.js'
import { createInPlaceSigner, type Key } from './signer.js'

/** The options of {@link createClient}. */
export interface ClientOptions {
  /** The http or https URL of the service: its origin, and the prefix of all paths if there is one. */
  baseUrl: string | URL
  /** The key that signs every request. Default: requests are not signed. */
  key?: Key | undefined
  /** The name of the header that carries the reason. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** The function that sends requests. Default: `globalThis.fetch`. */
  fetch?: ((request: Request, init: { signal: AbortSignal }) => Promise<Response>) | undefined
  /** The most milliseconds that a call may take, including the response body. Default: no limit. */
  timeout?: number | undefined
  /** The most bytes of a response body, counted after decompression. Default: 16 MiB. */
  maxResponseSize?: number | undefined
}

/** The operation succeeded. */
export interface Success<Body = unknown> {
  outcome: 'success'
  status: number
  /** The header fields of the response. To a page of another origin, a browser shows only the fields that the service exposes. */
  headers: Headers
  /** Parsed JSON, a string for `text/*`, a `Uint8Array` for any other media type, or undefined if the body is empty. */
  body: Body
}

/** The operation was rejected. It did not happen. */
export interface Rejected {
  outcome: 'rejected'
  /** Absent if the request was not sent. */
  status?: number
  /** The header fields of the response. Absent if the request was not sent. */
  headers?: Headers
  reason: string
  /** When to try again, in seconds from now. */
  retryAfter?: number
  /** The error because of which the request was not sent. */
  cause?: unknown
}

/** The operation may or may not have happened. Check before you repeat it. */
export interface Unknown {
  outcome: 'unknown'
  /** Absent if there was no response. A 2xx here means that the response body could not be read. */
  status?: number
  /** The header fields of the response. Absent if there was no response. */
  headers?: Headers
  reason: string
  /** When to try again, in seconds from now. */
  retryAfter?: number
  /** The error of the connection or of the response body, if there was one. */
  cause?: unknown
}

/** The result of a call. Its `outcome` tells which other properties it has. */
export type Result<Body = unknown> = Success<Body> | Rejected | Unknown

/**
 * Calls an operation of the service. Does not follow redirects.
 *
 * @param path begins with a slash and is percent-encoded; it can have a query
 * @throws {TypeError} if an argument is invalid. Errors of the network and of
 * the service do not throw: they are part of the result.
 */
export type Client = <Body = unknown>(method: string, path: string, options?: RequestOptions) => Promise<Result<Body>>

// The longest delay that setTimeout accepts.
const MAX_TIMEOUT_MS = 2 ** 31 - 1

const DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024

/**
 * Returns a client of a service that keeps the contract of `responses.md`.
 *
 * @throws {TypeError} if an option is invalid
 */
export function createClient ({ baseUrl, key, header, fetch = globalThis.fetch, timeout, maxResponseSize = DEFAULT_MAX_RESPONSE_BYTES }: ClientOptions): Client {
  const base = parseBaseUrl(baseUrl)
  const sign = key === undefined ? key : createInPlaceSigner(key)
  if (timeout !== undefined && !(timeout > 0 && timeout <= MAX_TIMEOUT_MS)) throwInvalidArgument(`timeout must be a positive number of milliseconds, at most ${MAX_TIMEOUT_MS}`)
  if (!(maxResponseSize >= 0)) throwInvalidArgument('maxResponseSize must be a number of bytes, at least 0')
  // Throws if the name is invalid.
  new Headers().has(header ?? 'a')

  return async function client<Body> (method: string, path: string, { signal, ...options }: RequestOptions = {}): Promise<Result<Body>> {
    if (sign !== undefined && isStream(options.body)) throwInvalidArgument('body must not be a stream if the client signs requests; read it into bytes first')
    const deadline = createDeadline(signal, timeout)
    try {
      return await send<Body>(createRequest(base, method, path, { ...options, signal: deadline.signal }), deadline)
    } finally {
      deadline.clear()
    }
  }

  async function send<Body> (request: Request, { signal, race }: Deadline): Promise<Result<Body>> {
    // As long as there is no tracker, fetch was not called.
    let tracker: SendTracker | undefined
    let received: { status?: number, headers?: Headers } = {}
    try {
      const signed = sign === undefined ? request : await race(sign(request))
      signal.throwIfAborted()
      tracker = trackSend(fetch)
      // Node 20 can garbage-collect the signal of the request, so fetch gets the signal as well.
      const response = await race(fetch(signed, { signal, ...tracker.fetchOptions }))
      const { status, headers } = response
      received = { status, headers }
      const result = outcomeOf(response, { header })
      if (result.outcome === 'success') {
        return { outcome: result.outcome, status, headers, body: await race(readBody(response, maxResponseSize)) as Body }
      }
      // The contract allows no body here. If there is one, it is not read.
      response.body?.cancel().catch(() => {})
      return { ...result, headers } as Rejected | Unknown
    } catch (cause) {
      // An abort tells nothing about how far the request got.
      const wasNeverSent = tracker === undefined || !(tracker.mayHaveBeenSent || signal.aborted)
      return { outcome: wasNeverSent ? 'rejected' : 'unknown', ...received, reason: getErrorMessage(cause), cause }
    }
  }
}
