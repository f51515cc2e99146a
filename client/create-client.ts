import { watch, type Attempts } from './attempts.js'
import { deadline, type Deadline } from './deadline.js'
import { reasonOf } from './failure.js'
import { outcomeOf } from './outcome.js'
import { throwInvalidArgument } from './invalid-argument.js'
import { baseOf, isStream, toRequest, type RequestOptions } from './request.js'
import { bodyOf } from './response-body.js'
import { signer, type Key } from './signer.js'

/** Where a service is, and how to talk to it. */
export interface ClientOptions {
  /** Its http or https URL: the origin, and what all paths begin with, if they do. */
  baseUrl: string | URL
  /** Signs every request. Default: none is signed. */
  key?: Key | undefined
  /** The name of the header that carries the reason. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** What sends requests. Default: fetch. */
  fetch?: ((request: Request, init: { signal: AbortSignal }) => Promise<Response>) | undefined
  /** How long a call may take, the body of its response included, in milliseconds. Default: as long as it takes. */
  timeout?: number | undefined
  /** The most bytes that are read of the body of a response, once it is decompressed. Default: 16 MiB. */
  maxResponseSize?: number | undefined
}

/** The operation succeeded. */
export interface Success<Body = unknown> {
  outcome: 'success'
  status: number
  /** The header fields of the response. A browser shows a page of another origin only those that the service exposes. */
  headers: Headers
  /** JSON is parsed, other text a string, nothing undefined, and all else a Uint8Array. */
  body: Body
}

/** The operation was rejected: nothing happened. */
export interface Rejected {
  outcome: 'rejected'
  /** Absent where the request never left. */
  status?: number
  /** Those of the response. Absent where the request never left. */
  headers?: Headers
  reason: string
  /** In seconds. */
  retryAfter?: number
  /** Why the request never left. */
  cause?: unknown
}

/** The operation may have succeeded, or not: look before you repeat it. */
export interface Unknown {
  outcome: 'unknown'
  /** Absent where no response came. With a 2xx, the body of the response did not come as it should. */
  status?: number
  /** Those of the response. Absent where no response came. */
  headers?: Headers
  reason: string
  /** In seconds. */
  retryAfter?: number
  /** What went wrong on the way. */
  cause?: unknown
}

/** What became of a call: its outcome says what else there is. */
export type Result<Body = unknown> = Success<Body> | Rejected | Unknown

/**
 * Calls an operation. Redirects are not followed.
 *
 * @param path begins with a slash, and is encoded; a query can follow
 * @throws {TypeError} for wrong use, and for nothing that the network or the service does
 */
export type Client = <Body = unknown>(method: string, path: string, options?: RequestOptions) => Promise<Result<Body>>

// The most that a timer takes.
const LONGEST = 2 ** 31 - 1

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024

/**
 * A client of a service that keeps the contract of `responses.md`.
 *
 * @throws {TypeError} for an option that cannot work
 */
export function createClient ({ baseUrl, key, header, fetch = globalThis.fetch, timeout, maxResponseSize = DEFAULT_MAX_BYTES }: ClientOptions): Client {
  const base = baseOf(baseUrl)
  const sign = key === undefined ? key : signer(key)
  if (timeout !== undefined && !(timeout > 0 && timeout <= LONGEST)) throwInvalidArgument(`timeout must be milliseconds, up to ${LONGEST}`)
  if (!(maxResponseSize >= 0)) throwInvalidArgument('maxResponseSize must be a number of bytes')
  // Throws for what cannot be a name.
  new Headers().has(header ?? 'a')

  return async function client<Body> (method: string, path: string, { signal, ...options }: RequestOptions = {}): Promise<Result<Body>> {
    if (sign !== undefined && isStream(options.body)) throwInvalidArgument('a stream cannot be signed, but its bytes')
    const limit = deadline(signal, timeout)
    try {
      return await send<Body>(toRequest(base, method, path, { ...options, signal: limit.signal }), limit)
    } finally {
      limit.clear()
    }
  }

  async function send<Body> (request: Request, { signal, before }: Deadline): Promise<Result<Body>> {
    // Until there are attempts, nothing has left.
    let attempts: Attempts | undefined
    let known: { status?: number, headers?: Headers } = {}
    try {
      const signed = sign === undefined ? request : await before(sign(request))
      signal.throwIfAborted()
      attempts = watch(fetch)
      // The signal of the request alone is not enough: Node 20 can lose it to the garbage collector.
      const response = await before(fetch(signed, { signal, ...attempts.options }))
      const { status, headers } = response
      known = { status, headers }
      const result = outcomeOf(response, { header })
      if (result.outcome === 'success') return { outcome: result.outcome, status, headers, body: await before(bodyOf(response, maxResponseSize)) as Body }
      // It should have none; if it has, nobody reads it.
      response.body?.cancel().catch(() => {})
      return { ...result, headers } as Rejected | Unknown
    } catch (cause) {
      // Whoever aborts does not know how far the request is.
      const left = attempts !== undefined && (attempts.left || signal.aborted)
      return { outcome: left ? 'unknown' : 'rejected', ...known, reason: reasonOf(cause), cause }
    }
  }
}
