import { createHash, timingSafeEqual, type Hash } from 'node:crypto'
import { parseDictionary } from 'structured-headers'

// RFC 9530 section 5: the algorithms that are active.
const ALGORITHMS = new Map([['sha-256', 'sha256'], ['sha-512', 'sha512']])

/** The digests of a `Content-Digest` field (RFC 9530 section 2), to hold content against as it arrives. */
export class ContentDigest {
  readonly #expected: Buffer[] = []
  readonly #hashes: Hash[] = []

  /** The digests of a field; undefined where it is malformed, or has none of sha-256 and sha-512. */
  static parse (field: string): ContentDigest | undefined {
    const digest = new ContentDigest()
    try {
      for (const [name, [value]] of parseDictionary(field)) {
        const algorithm = ALGORITHMS.get(name)
        if (algorithm === undefined) continue
        if (!(value instanceof ArrayBuffer)) return undefined
        digest.#expected.push(Buffer.from(value))
        digest.#hashes.push(createHash(algorithm))
      }
    } catch {
      return undefined
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
