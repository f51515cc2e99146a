import { randomUUID } from 'node:crypto'
import type { RequestLines, RequestOptions } from '../exchange/request.js'

/** The text in a request that each operation replaces by its own new UUID. */
const PLACEHOLDER = '{{uuid}}'

/** A request, and the idempotency key that all of its retries have. */
export interface Operation {
  readonly request: RequestOptions
  readonly key: string
}

/** Returns a new idempotency key. */
export function createKey (): string {
  return randomUUID()
}

/**
 * Returns an operation with a new key. Replaces all `{{uuid}}` in the URL, the header fields and the body by the same new UUID.
 */
export function createOperation ({ method, url, headers, body }: RequestOptions): Operation {
  const uuid = randomUUID()
  const fill = (text: string): string => text.replaceAll(PLACEHOLDER, uuid)
  const fillJson = <T>(value: T): T => value === undefined ? value : JSON.parse(fill(JSON.stringify(value)))
  const filledBody = body instanceof Uint8Array ? Buffer.from(fill(Buffer.from(body).toString('latin1')), 'latin1') : fillJson(body)
  return { request: { method, url: fill(url), headers: fillJson(headers), body: filledBody }, key: createKey() }
}

/** Returns whether each operation with this request differs from all other operations. */
export function isUnique ({ url, body }: RequestOptions): boolean {
  return url.includes(PLACEHOLDER) || encode(body).includes(PLACEHOLDER)
}

/** Returns the request of an operation with its key. */
export function withKey ({ request, key }: Operation): RequestLines {
  return withKeyLines(request, `"${key}"`)
}

/** Returns a request with these `Idempotency-Key` field lines. */
export function withKeyLines (request: RequestOptions, lines: string | string[]): RequestLines {
  return { ...request, headers: { ...request.headers, 'idempotency-key': lines } }
}

function encode (body: unknown): string {
  return body instanceof Uint8Array ? Buffer.from(body).toString('latin1') : JSON.stringify(body) ?? ''
}
