import type { Deadline } from './deadline.js'
import { getErrorMessage } from './error-message.js'
import { throwInvalidArgument } from './invalid-argument.js'
import { outcomeOf } from './outcome.js'
import { createRequest, isStream, parseBaseUrl, type CheckedRequestOptions } from './request.js'
import { readBody, type OnBody } from './response-body.js'
import type { Rejected, Result, Unknown } from './result.js'
import { trackSend, type SendTracker } from './send-tracker.js'
import { createInPlaceSigner, type Key } from './signer.js'
import { MAX_TIMEOUT_MS } from './timeout.js'

/** The options of {@link createBasicClient}. */
export interface BasicClientOptions {
  /** The http or https URL of the service: its origin, and the prefix of all paths if there is one. */
  baseUrl: string | URL
  /** The key that signs every request. Default: requests are not signed. */
  key?: Key | undefined
  /** The name of the header that carries the reason. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** The name of the header that carries the id of the request. Default: `x-request-id`. */
  requestIdHeader?: string | undefined
  /** The function that sends requests. Default: `globalThis.fetch`. */
  fetch?: ((request: Request, init: { signal: AbortSignal }) => Promise<Response>) | undefined
  /** The maximum time of an attempt in milliseconds, including the response body. Default: no limit. */
  timeout?: number | undefined
  /** The maximum size of a response body in bytes, counted after decompression. Default: 16 MiB. */
  maxResponseSize?: number | undefined
  /**
   * A function that is called with each response before its body is read.
   *
   * @internal
   */
  onResponse?: ((response: Response) => void) | undefined
  /**
   * A function that is called with each body of a success before it is parsed.
   *
   * @internal
   */
  onBody?: OnBody | undefined
}

/** Sends requests to a service. */
export interface Transport {
  /**
   * Returns the request of an operation.
   *
   * @param repeats whether the client can retry the request
   * @throws {TypeError} if an argument is invalid
   */
  createRequest (method: string, path: string, options: CheckedRequestOptions, repeats?: boolean): Request
  /**
   * Signs a request, and sends it. Does not reject.
   *
   * @param maxBytes the maximum size of the response body in bytes. Default: the option `maxResponseSize`
   */
  send<Body> (request: Request, deadline: Deadline, maxBytes?: number): Promise<Result<Body>>
}

export const DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024

/**
 * Returns the transport of a client.
 *
 * @throws {TypeError} if an option is invalid
 */
export function createTransport (options: BasicClientOptions): Transport {
  // Not in the parameter list, because the declarations of the package leave out the internal options.
  const { baseUrl, key, header, requestIdHeader, timeout, maxResponseSize = DEFAULT_MAX_RESPONSE_BYTES, onResponse, onBody } = options
  const fetch: NonNullable<BasicClientOptions['fetch']> = options.fetch ?? globalThis.fetch
  const base = parseBaseUrl(baseUrl)
  const sign = key === undefined ? key : createInPlaceSigner(key)
  if (timeout !== undefined && !(timeout > 0 && timeout <= MAX_TIMEOUT_MS)) throwInvalidArgument(`timeout must be a positive number of milliseconds, at most ${MAX_TIMEOUT_MS}`)
  if (!(maxResponseSize >= 0)) throwInvalidArgument('maxResponseSize must be a number of bytes, at least 0')
  try {
    outcomeOf(new Response(), { header, requestIdHeader })
  } catch {
    throwInvalidArgument('header and requestIdHeader must be valid header names')
  }

  return {
    createRequest (method, path, options, repeats) {
      const isRepeatable = repeats || options.idempotencyKey !== undefined
      if ((sign || isRepeatable) && isStream(options.body)) {
        throwInvalidArgument(`body must not be a stream if the ${isRepeatable ? 'request may be repeated' : 'client signs requests'}; read it into bytes first`)
      }
      return createRequest(base, method, path, options)
    },

    async send<Body> (request: Request, { signal, race }: Deadline, maxBytes = maxResponseSize): Promise<Result<Body>> {
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
        onResponse?.(response)
        const result = outcomeOf(response, { header, requestIdHeader })
        if (result.outcome === 'success') {
          return { outcome: result.outcome, status, headers, body: await race(readBody(response, maxBytes, onBody)) as Body }
        }
        // The contract allows no body here. If there is one, it is not read.
        response.body?.cancel().catch(() => {})
        return { ...result, headers } as Rejected | Unknown
      } catch (cause) {
        // After an abort, nothing is known about how far the request got.
        const wasNeverSent = tracker === undefined || !(tracker.mayHaveBeenSent || signal.aborted)
        return { outcome: wasNeverSent ? 'rejected' : 'unknown', ...received, reason: getErrorMessage(cause), cause }
      }
    }
  }
}
