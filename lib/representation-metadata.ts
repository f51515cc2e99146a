const FIELDS = new Set(['content-type', 'content-length', 'etag', 'last-modified', 'accept-ranges', 'transfer-encoding', 'trailer'])

/**
 * Returns whether a header field describes a body (RFC 9110 section 8) or its transfer, and so must not be in a
 * response without a body.
 *
 * @param field the name in lower case
 */
export function isRepresentationMetadata (field: string): boolean {
  return FIELDS.has(field) || field.startsWith('content-')
}
