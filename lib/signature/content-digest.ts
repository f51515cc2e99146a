import { createHash, timingSafeEqual, type Hash } from 'node:crypto'
import type { Dictionary } from './structured-fields.js'

// RFC 9530 section 5: the algorithms that are active.
const ALGORITHMS = [['sha-256', 'sha256'], ['sha-512', 'sha512']] as const

/** The digests of a `Content-Digest` field (RFC 9530 section 2), to hold content against as it arrives. */
export class ContentDigest {
  readonly #expected: Uint8Array[] = []
  readonly #hashes: Hash[] = []

  /** The digests of a field; undefined where it is no dictionary, has none of sha-256 and sha-512, or has one of these that is no byte sequence. */
  static of (field: Dictionary | undefined): ContentDigest | undefined {
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

  /** Takes the next piece of the content. */
  update (chunk: Uint8Array | string): void {
    for (const hash of this.#hashes) hash.update(chunk)
  }

  /** Whether the content, complete now, is what each digest is of. To be asked once. */
  matches (): boolean {
    return this.#hashes.every((hash, i) => {
      const actual = hash.digest()
      return actual.length === this.#expected[i].length && timingSafeEqual(actual, this.#expected[i])
    })
  }
}
