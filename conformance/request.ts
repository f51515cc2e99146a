/** A request that the service answers, as `inject` takes it. */
export interface RequestOptions {
  /** Default: `GET`. */
  method?: string | undefined
  /** The path, and the query if any. */
  url: string
  headers?: Record<string, string> | undefined
  /** Anything but a string or bytes is sent as JSON. */
  body?: unknown
}

/** A request as it is about to be sent. */
export interface OutgoingRequest {
  method: string
  scheme: 'http' | 'https'
  /** Host, and port if it is not the scheme's own. */
  authority: string
  /** The request target as it will be sent (RFC 9112 section 3.2). */
  target: string
  /** Names in lower case; over HTTP/2 without `host`. */
  headers: Record<string, string>
  /** Of no bytes, where there is none. */
  body: Uint8Array
}

/** Returns more header fields for a request, such as those of a signature. */
export type HeadersHook = (request: OutgoingRequest) => Record<string, string> | Promise<Record<string, string>>

/** Where requests go, as far as their bytes show. */
export interface Origin {
  scheme: 'http' | 'https'
  authority: string
  headers?: HeadersHook
}

/** A request with all its header fields, but for those that only HTTP/1.1 has. */
export async function prepare (origin: Origin, { method = 'GET', url, headers, body }: RequestOptions, own: Record<string, string> = {}): Promise<OutgoingRequest> {
  const bytes = bytesOf(body)
  const fields = { ...own, ...lowerCase(headers) }
  if (body !== undefined) {
    if (!isText(body)) fields['content-type'] ??= 'application/json'
    if (fields['transfer-encoding'] === undefined) fields['content-length'] ??= String(bytes.length)
  }
  const { scheme, authority } = origin
  const request = { method, scheme, authority, target: url, headers: fields, body: bytes }
  return { ...request, headers: { ...fields, ...lowerCase(await origin.headers?.(request)) } }
}

/** The bytes of a request in HTTP/1.1, or another version. */
export async function compose (origin: Origin, options: RequestOptions, version = 'HTTP/1.1'): Promise<Buffer> {
  const { method, target, headers, body } = await prepare(origin, options, { host: origin.authority })
  return Buffer.concat([head(`${method} ${target} ${version}`, headers), body])
}

/** The bytes of a header section, with the line before it. */
export function head (line: string, headers: Record<string, string>): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${line}\r\n${fields.join('')}\r\n`, 'latin1')
}

function bytesOf (body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array()
  if (isText(body)) return Buffer.from(body as string)
  return Buffer.from(JSON.stringify(body))
}

function isText (body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array
}

function lowerCase (headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
