import { createHash, timingSafeEqual, type Hash } from 'node:crypto'
import type { Dictionary } from './structured-fields.js'

// The active algorithms (RFC 9530 section 5), with their names in Node.
const ALGORITHMS = [['sha-256', 'sha256'], ['sha-512', 'sha512']] as const

/** The digests of a `Content-Digest` field (RFC 9530 section 2), computed over the content while it arrives. */
export class ContentDigest {
  readonly #expected: Uint8Array[] = []
  readonly #hashes: Hash[] = []

  /**
   * Returns the digests of a field; undefined if the field is not a dictionary,
   * has neither sha-256 nor sha-512, or has one of them with a value that is not a byte sequence.
   */
  static fromField (field: Dictionary | undefined): ContentDigest | undefined {
    const digest = new ContentDigest()
    for (const [name, algorithm] of ALGORITHMS) {
      const member = field?.get(name)
      if (member === undefined) continue
      if (!('bare' in member) || !(member.bare.value instanceof Uint8Array)) return undefined
      digest.#expected.push(member.bare.value)
      digest.#hashes.push(createHash(algorithm))
    }
    return digest.#hashes.length > 0 ? digest : undefined
  }

  /** Adds the next chunk of the content. */
  update (chunk: Uint8Array | string): void {
    for (const hash of this.#hashes) hash.update(chunk)
  }

  /** Returns whether each digest is that of the complete content. Call it once, after the last chunk. */
  matches (): boolean {
    return this.#hashes.every((hash, i) => {
      const actual = hash.digest()
      return actual.length === this.#expected[i].length && timingSafeEqual(actual, this.#expected[i])
    })
  }
}
