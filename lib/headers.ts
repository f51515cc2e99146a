import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeader, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'

/** Headers in each of the forms that Node's `writeHead()` takes. */
export type HeadersInput = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | ReadonlyArray<[string, OutgoingHttpHeader]>

/** The header that carries the message. */
export interface MessageHeader {
  /** Its name as it is sent. */
  header: string
  /** Its name in lower case. */
  field: string
}

/** Returns whether headers contain the header that carries the message. */
export function hasMessageHeader (headers: HeadersInput, messageHeader: MessageHeader): boolean {
  return Array.isArray(headers)
    ? messageHeader.header in normalizeHeaders(headers, messageHeader)
    : findHeaderName(headers as OutgoingHttpHeaders, messageHeader.field) !== undefined
}

/**
 * Returns headers as a new object. The header that carries the message has its name as it is sent.
 *
 * @param isOmitted returns whether a field is left out, given its name in lower case
 */
export function normalizeHeaders (headers: HeadersInput | undefined, { header, field: messageField }: MessageHeader, isOmitted?: (field: string) => boolean): OutgoingHttpHeaders {
  const normalized: OutgoingHttpHeaders = {}
  if (Array.isArray(headers)) {
    const flat = Array.isArray(headers[0]) ? headers.flat() : headers
    for (let i = 0; i < flat.length; i += 2) {
      const field = String(flat[i]).toLowerCase()
      if (isOmitted?.(field)) continue
      const name = field === messageField ? header : field
      const earlier = normalized[name]
      normalized[name] = earlier === undefined ? flat[i + 1] : [earlier, flat[i + 1]].flat()
    }
    return normalized
  }
  for (const name in headers as OutgoingHttpHeaders) {
    // Fastify's names are in lower case already.
    if (isOmitted?.(name)) continue
    const field = name.toLowerCase()
    if (field !== name && isOmitted?.(field)) continue
    normalized[field === messageField ? header : name] = (headers as OutgoingHttpHeaders)[name]
  }
  return normalized
}

/** Returns the name under which headers have a field, given the field's name in lower case. */
export function findHeaderName (headers: OutgoingHttpHeaders, field: string): string | undefined {
  for (const name in headers) {
    if (name.length === field.length && name.toLowerCase() === field) return name
  }
}

/** Returns the value that headers have for a field, given the field's name in lower case. */
export function getHeaderValue (headers: HeadersInput | undefined, field: string, messageHeader: MessageHeader): OutgoingHttpHeader | undefined {
  const normalized = normalizeHeaders(headers, messageHeader)
  const name = findHeaderName(normalized, field)
  return name === undefined ? undefined : normalized[name]
}

/** Allows pages of other origins to read a header (Fetch Standard, `Access-Control-Expose-Headers`). */
export function addExposedHeader (header: string, response: ServerResponse, headers: OutgoingHttpHeaders): void {
  const name = findHeaderName(headers, 'access-control-expose-headers') ?? 'access-control-expose-headers'
  const exposed = [headers[name] ?? response.getHeader(name) ?? []].flat().join(', ')
  const fields = exposed.toLowerCase().split(',').map(field => field.trim())
  // With credentials, * is a name like any other, and exposes nothing.
  if (!fields.includes(header.toLowerCase())) headers[name] = exposed === '' ? header : `${exposed}, ${header}`
}

/**
 * Throws for a header that HTTP/1.1 cannot send.
 *
 * @throws {TypeError} Node's own error
 */
export function validateHeader (name: string, value: unknown): void {
  validateHeaderName(name)
  for (const one of [value].flat()) validateHeaderValue(name, one as string)
}

/** Returns whether HTTP/1.1 can send a header. */
export function isValidHeader (name: string, value: unknown): boolean {
  try {
    validateHeader(name, value)
    return true
  } catch {
    return false
  }
}
