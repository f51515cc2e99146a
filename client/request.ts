import type { OnAttempt } from './attempts.js'
import { serializeKey } from './idempotency-key.js'
import { throwInvalidArgument } from './invalid-argument.js'

/**
 * A request body. A string, `Blob`, `ArrayBuffer`, typed array,
 * `URLSearchParams`, `FormData` or stream is sent as fetch sends it. Any other
 * value is sent as JSON. A stream cannot be signed.
 */
export type RequestBody = string | number | boolean | object | null

type Scalar = string | number | boolean | undefined

/** The parameters of a query. An array adds one parameter for each item. `undefined` adds none. */
export type RequestQuery = Record<string, Scalar | readonly Scalar[]>

/** The optional parts of a request of {@link createBasicClient}. */
export interface BasicRequestOptions {
  /** The request body. Default: the request has no body. */
  body?: RequestBody | undefined
  /** Parameters that are added to the query of the path. Default: none. */
  query?: RequestQuery | undefined
  /** The header fields of the request, in addition to those that the client sets. Default: none. */
  headers?: RequestInit['headers'] | undefined
  /** Aborts the call. Default: none. */
  signal?: AbortSignal | undefined
  /**
   * Identifies the operation, so that it happens only once if the request is retried: 1 to 255 characters of printable
   * ASCII. `true` creates a new key, a UUID of version 7. Default: the request has no key.
   */
  idempotencyKey?: string | true | undefined
}

/** The optional parts of a request, after `true` was replaced with a new key. */
export interface CheckedRequestOptions extends BasicRequestOptions {
  idempotencyKey?: string | undefined
}

/** The optional parts of a request. */
export interface RequestOptions extends BasicRequestOptions {
  /** A function that is called before each attempt, instead of the client's `onAttempt`. */
  onAttempt?: OnAttempt | undefined
}

// Rejects every path that `new URL()` would change or resolve to another host: `//host`, dot segments, `\`, `#` and control
// characters.
const PATH_PATTERN = /^(?!\/\/|[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$))\/[^\\#\p{Cc}]*$/iu

/**
 * Returns the base URL of a service without slashes at its end.
 *
 * @throws {TypeError} if it is not an http or https URL, or has a user, a query or a fragment
 */
export function parseBaseUrl (baseUrl: string | URL): string {
  const { href, origin, pathname } = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : { href: '' } as URL
  if (!href.startsWith('http') || href !== origin + pathname) throwInvalidArgument('baseUrl must be an http or https URL without a user, query or fragment')
  return href.replace(/\/+$/, '')
}

/**
 * Returns the `Request` for an operation. It does not follow redirects.
 *
 * @throws {TypeError} if the path, the headers or the body is invalid
 */
export function createRequest (base: string, method: string, path: string, { body, headers: init, query, signal, idempotencyKey }: CheckedRequestOptions): Request {
  const headers = createHeaders(init)
  if (idempotencyKey !== undefined) headers.set('idempotency-key', serializeKey(idempotencyKey))
  return new Request(createUrl(base, path, query), {
    method: method.toUpperCase(),
    headers,
    body: encodeBody(body, headers),
    signal,
    redirect: 'manual',
    ...(isStream(body) && { duplex: 'half' })
  })
}

/** Returns whether `new URL()` neither changes a path nor resolves it to another host. */
export function isPath (path: string): boolean {
  return PATH_PATTERN.test(path)
}

/** Returns whether a body is a stream, which can be read only once. */
export function isStream (body: unknown): boolean {
  return body instanceof ReadableStream || Symbol.asyncIterator in Object(body)
}

function createUrl (base: string, path: string, query: RequestQuery = {}): URL {
  if (!isPath(path)) throwInvalidArgument('path must begin with one slash, and have no dot segment, fragment, backslash or control character')
  const url = new URL(base + path)
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) {
      if (item !== undefined) url.searchParams.append(name, String(item))
    }
  }
  return url
}

function createHeaders (init: RequestInit['headers']): Headers {
  try {
    return new Headers(init)
  } catch {
    throwInvalidArgument('headers must have valid names and values')
  }
}

function encodeBody (body: unknown, headers: Headers): RequestInit['body'] {
  if (body === undefined || isEncoded(body)) return body as RequestInit['body']
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return JSON.stringify(body) ?? throwInvalidArgument('body must be a body that fetch accepts, or a JSON value')
}

function isEncoded (body: unknown): boolean {
  return typeof body === 'string' || body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams ||
    body instanceof ArrayBuffer || ArrayBuffer.isView(body) || isStream(body)
}
