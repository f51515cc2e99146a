import { hash } from 'node:crypto'

/** An operation of one caller, which is identified by an idempotency key. */
export interface Operation {
  /** The primary key of the record: 32 bytes. */
  readonly id: Buffer
  readonly scope: string
  readonly key: string
}

/** Returns an id as a text, for maps and sets. */
export function toText (id: Buffer): string {
  return id.toString('latin1')
}

/** Returns the operation of a key. Keys are compared byte by byte, in every database. */
export function createOperation (scope: string, key: string): Operation {
  // The length separates the scope from the key, because both can contain any character.
  const name = `${scope.length}:${scope}${key}`
  // With UTF-8, two scopes could have the same id, because it encodes all lone surrogates as the same bytes.
  return { id: hash('sha256', Buffer.from(name, 'utf16le'), 'buffer'), scope, key }
}

/**
 * Returns the fingerprint of a request: SHA-256 over the method, the request
 * target and the digest of the body.
 *
 * @param target the request target with path and query, as it was sent
 * @param bodyDigest the SHA-256 of the bytes of the body
 */
export function createFingerprint (method: string, target: string, bodyDigest: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${method}\n${target}\n`), bodyDigest]), 'buffer')
}
