import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Contract } from '../contract.js'
import { findHeaderName, normalizeHeaders, type HeadersInput } from '../headers.js'

const ALLOW_ORIGIN = 'access-control-allow-origin'
const EXPOSE_HEADERS = 'access-control-expose-headers'

/**
 * Returns whether a success has a header that {@link exposeHeaders} exposes.
 *
 * @param given the headers that were passed to `writeHead()`
 */
export function hasExposedHeaders (response: ServerResponse, given: HeadersInput | undefined, contract: Contract): boolean {
  const headers = Array.isArray(given) ? normalizeHeaders(given, contract) : given as OutgoingHttpHeaders | undefined
  // Most successes have no CORS headers, so this is checked first.
  if (!hasField(response, headers, ALLOW_ORIGIN)) return false
  for (const name in headers) if (contract.exposedFields.has(name.toLowerCase())) return true
  return response.getHeaderNames().some(field => contract.exposedFields.has(field))
}

/**
 * Lets pages of other origins read those headers of a response that the contract exposes, if the response has
 * `Access-Control-Allow-Origin` (Fetch Standard, `Access-Control-Expose-Headers`).
 *
 * @param headers the headers that are sent in addition to those of the response. The list is added to them
 */
export function exposeHeaders (response: ServerResponse, headers: OutgoingHttpHeaders, { exposedHeaders }: Contract): void {
  if (!hasField(response, headers, ALLOW_ORIGIN)) return
  const name = findHeaderName(headers, EXPOSE_HEADERS) ?? EXPOSE_HEADERS
  const list = [headers[name] ?? response.getHeader(name) ?? []].flat().join(', ')
  // The names are listed even beside *, because with credentials * exposes nothing.
  const listed = list.toLowerCase().split(',').map(field => field.trim())
  const added = exposedHeaders.filter(({ field }) => !listed.includes(field) && hasField(response, headers, field)).map(({ header }) => header)
  if (added.length > 0) headers[name] = [list, ...added].filter(Boolean).join(', ')
}

function hasField (response: ServerResponse, headers: OutgoingHttpHeaders | undefined, field: string): boolean {
  return response.hasHeader(field) || (headers !== undefined && findHeaderName(headers, field) !== undefined)
}
