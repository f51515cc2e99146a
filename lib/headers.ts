import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http'

/** Headers in each of the forms that Node's `writeHead()` takes. */
export type HeadersInput = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | ReadonlyArray<[string, OutgoingHttpHeader]>

/** The name of a header. */
export interface HeaderName {
  /** As it is sent. */
  readonly header: string
  /** In lower case. */
  readonly field: string
}

/** Returns both forms of the name of a header. */
export function toHeaderName (header: string): HeaderName {
  return { header, field: header.toLowerCase() }
}

/** Returns whether headers contain the header that carries the message. */
export function hasMessageHeader (headers: HeadersInput, messageHeader: HeaderName): boolean {
  return Array.isArray(headers)
    ? messageHeader.header in normalizeHeaders(headers, messageHeader)
    : findHeaderName(headers as OutgoingHttpHeaders, messageHeader.field) !== undefined
}

/**
 * Returns headers as a new object. The name of the message header is spelled as it is sent; other names may be in lower case.
 *
 * @param isOmitted returns whether a field is left out, given its name in lower case
 */
export function normalizeHeaders (headers: HeadersInput | undefined, { header, field: messageField }: HeaderName, isOmitted?: (field: string) => boolean): OutgoingHttpHeaders {
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
    // Names from Fastify are already in lower case.
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
export function getHeaderValue (headers: HeadersInput | undefined, field: string, messageHeader: HeaderName): OutgoingHttpHeader | undefined {
  const normalized = normalizeHeaders(headers, messageHeader)
  const name = findHeaderName(normalized, field)
  return name === undefined ? undefined : normalized[name]
}

/**
 * Checks that HTTP/1.1 can send a header.
 *
 * @throws {TypeError} if it cannot: Node's own error
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
