// The two that most responses have are found at once.
const FIELDS = new Set(['content-type', 'content-length', 'etag', 'last-modified', 'accept-ranges', 'transfer-encoding', 'trailer'])

/**
 * Whether a header field, its name in lower case, describes a body
 * (RFC 9110 section 8) or how it is transferred, and so has no place in a
 * response without one.
 */
export function isRepresentationMetadata (field: string): boolean {
  return FIELDS.has(field) || field.startsWith('content-')
}
