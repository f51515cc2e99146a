import { throwInvalidArgument } from './invalid-argument.js'

/**
 * A body. As fetch takes them: a string, a Blob, an ArrayBuffer or a view of
 * one, URLSearchParams, FormData; a stream, too, if it need not be signed. All
 * else is sent as JSON.
 */
export type RequestBody = string | number | boolean | object | null

type Scalar = string | number | boolean | undefined

/** The fields of a query. Those that are undefined are left out; one with an array is there once for each of its items. */
export type RequestQuery = Record<string, Scalar | readonly Scalar[]>

/** What a request has beside its method and path. */
export interface RequestOptions {
  body?: RequestBody | undefined
  query?: RequestQuery | undefined
  headers?: RequestInit['headers'] | undefined
  /** Gives the call up. */
  signal?: AbortSignal | undefined
}

// No other host, no dot segment, and nothing that a URL drops or reads as a slash: a path is asked for as it is given.
const PATH = /^(?!\/\/|[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$))\/[^\\#\p{Cc}]*$/iu

/**
 * What the URLs of a service begin with.
 *
 * @throws {TypeError} for a URL that cannot be one of a service
 */
export function baseOf (baseUrl: string | URL): string {
  const { href, origin, pathname } = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : { href: '' } as URL
  if (!href.startsWith('http') || href !== origin + pathname) throwInvalidArgument('baseUrl must be an http(s) URL without user, query and fragment')
  return href.replace(/\/+$/, '')
}

/** @throws {TypeError} for what cannot be sent */
export function toRequest (base: string, method: string, path: string, { body, headers: init, query, signal }: RequestOptions): Request {
  const headers = toHeaders(init)
  return new Request(toUrl(base, path, query), {
    method: method.toUpperCase(),
    headers,
    body: encode(body, headers),
    signal,
    redirect: 'manual',
    ...(isStream(body) && { duplex: 'half' })
  })
}

/** Whether a body comes piece by piece, and once only. */
export function isStream (body: unknown): boolean {
  return body instanceof ReadableStream || Symbol.asyncIterator in Object(body)
}

function toUrl (base: string, path: string, query: RequestQuery = {}): URL {
  if (!PATH.test(path)) throwInvalidArgument('a path must begin with one slash, without dot segment, fragment and backslash')
  const url = new URL(base + path)
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) {
      if (item !== undefined) url.searchParams.append(name, String(item))
    }
  }
  return url
}

function toHeaders (init: RequestInit['headers']): Headers {
  try {
    return new Headers(init)
  } catch {
    throwInvalidArgument('headers must be valid')
  }
}

function encode (body: unknown, headers: Headers): RequestInit['body'] {
  if (body === undefined || isEncoded(body)) return body as RequestInit['body']
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return JSON.stringify(body) ?? throwInvalidArgument('a body must be one of fetch, or JSON')
}

function isEncoded (body: unknown): boolean {
  return typeof body === 'string' || body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams ||
    body instanceof ArrayBuffer || ArrayBuffer.isView(body) || isStream(body)
}
