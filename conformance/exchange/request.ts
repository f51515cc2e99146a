/** A request. The properties have the same names as the options of Fastify's `inject`. */
export interface RequestOptions {
  /** The request method. Default: `GET`. */
  method?: string | undefined
  /** The path, with the query. */
  url: string
  /** The header fields. Default: none. */
  headers?: Record<string, string> | undefined
  /** The request body. A value that is neither a string nor bytes is sent as JSON. Default: no body. */
  body?: unknown
}

/** A request in which a header field can have several lines. */
export interface RequestLines extends Omit<RequestOptions, 'headers'> {
  headers?: Record<string, string | string[]> | undefined
}

/** A request that is about to be sent. */
export interface OutgoingRequest {
  /** The request method. */
  method: string
  /** The scheme of the URL. */
  scheme: 'http' | 'https'
  /** The host, and the port unless it is the default of the scheme. */
  authority: string
  /** The request target, exactly as it is sent (RFC 9112 section 3.2). */
  target: string
  /**
   * The header fields. Names are in lower case, and several lines of a field are joined with commas. Without `host` over HTTP/2.
   */
  headers: Record<string, string>
  /** The bytes of the body. Empty if there is no body. */
  body: Uint8Array
}

/** Returns additional header fields for a request, such as a signature. */
export type HeadersHook = (request: OutgoingRequest) => Record<string, string> | Promise<Record<string, string>>

/** The server that requests are sent to, and a hook for their header fields. */
export interface Origin {
  scheme: 'http' | 'https'
  authority: string
  headers?: HeadersHook
}

/** A request whose header fields are complete. */
interface PreparedRequest extends Omit<OutgoingRequest, 'headers'> {
  /** Names in lower case. */
  headers: Record<string, string | string[]>
}

/**
 * Returns a request with its body encoded and its header fields complete.
 *
 * @param defaults header fields that the request can override; names in lower case
 */
export async function prepareRequest (origin: Origin, { method = 'GET', url, headers, body }: RequestLines, defaults: Record<string, string> = {}): Promise<PreparedRequest> {
  const bytes = encodeBody(body)
  const fields: PreparedRequest['headers'] = { ...defaults, ...lowerCaseNames(headers) }
  if (body !== undefined) {
    if (!isRawBody(body)) fields['content-type'] ??= 'application/json'
    if (fields['transfer-encoding'] === undefined) fields['content-length'] ??= String(bytes.length)
  }
  const { scheme, authority } = origin
  const request = { method, scheme, authority, target: url, headers: joinLines(fields), body: bytes }
  return { ...request, headers: { ...fields, ...lowerCaseNames(await origin.headers?.(request)) } }
}

/** Returns the bytes of an HTTP/1.x request. */
export async function encodeRequest (origin: Origin, options: RequestLines, version = 'HTTP/1.1'): Promise<Buffer> {
  const { method, target, headers, body } = await prepareRequest(origin, options, { host: origin.authority })
  return Buffer.concat([encodeHead(`${method} ${target} ${version}`, headers), body])
}

function encodeHead (requestLine: string, headers: PreparedRequest['headers']): Buffer {
  const fields = Object.entries(headers).flatMap(([name, lines]) => [lines].flat().map(value => `${name}: ${value}\r\n`))
  return Buffer.from(`${requestLine}\r\n${fields.join('')}\r\n`, 'latin1')
}

function encodeBody (body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array()
  if (isRawBody(body)) return Buffer.from(body as string)
  return Buffer.from(JSON.stringify(body))
}

function isRawBody (body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array
}

function lowerCaseNames (headers: PreparedRequest['headers'] = {}): PreparedRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Returns each field with one value, as RFC 9421 section 2.1 and RFC 9110 section 5.3 combine lines. */
function joinLines (headers: PreparedRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, lines]) => [name, [lines].flat().join(', ')]))
}
