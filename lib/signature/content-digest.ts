import { createHash, hash, timingSafeEqual, type Hash } from 'node:crypto'
import type { Dictionary } from './structured-fields.js'

// The active algorithms (RFC 9530 section 5), with their names in Node.
const ALGORITHMS = [['sha-256', 'sha256'], ['sha-512', 'sha512']] as const

// A dictionary of one sha-256 digest of 32 bytes, as most clients send it.
const COMMON_FORM = /^sha-256=:[A-Za-z0-9+/]{43}=:$/

/** The digests of a `Content-Digest` field (RFC 9530 section 2), computed over the content while it arrives. */
export class ContentDigest {
  readonly #digests: Array<{ algorithm: string, expected: Uint8Array }> = []
  #hashes: Hash[] | undefined
  #actual: Uint8Array[] | undefined

  /** Returns the digests of a field in the common form, as {@link fromField} does; undefined for any other form. */
  static fromCommonForm (value: string): ContentDigest | undefined {
    if (!COMMON_FORM.test(value)) return undefined
    const digest = new ContentDigest()
    digest.#digests.push({ algorithm: 'sha256', expected: Buffer.from(value.slice('sha-256=:'.length, -1), 'base64') })
    return digest
  }

  /**
   * Returns the digests of a field; undefined if the field is not a dictionary,
   * has neither sha-256 nor sha-512, or has one of them with a value that is not a byte sequence.
   */
  static fromField (field: Dictionary | undefined): ContentDigest | undefined {
    const digest = new ContentDigest()
    for (const [name, algorithm] of ALGORITHMS) {
      const member = field?.get(name)
      if (member === undefined) continue
      const expected = 'bare' in member ? member.bare.value : undefined
      if (!(expected instanceof Uint8Array)) return undefined
      digest.#digests.push({ algorithm, expected })
    }
    return digest.#digests.length > 0 ? digest : undefined
  }

  /** The sha-256 digest that the content must have; undefined if the field has none. */
  get sha256 (): Uint8Array | undefined {
    return this.#digests.find(({ algorithm }) => algorithm === 'sha256')?.expected
  }

  /** Adds the next chunk of the content. */
  update (chunk: Uint8Array | string): void {
    this.#hashes ??= this.#createHashes()
    for (const one of this.#hashes) one.update(chunk)
  }

  /** Sets the complete content if it came in one chunk. This takes half the time of {@link update}. */
  setContent (content: Uint8Array): void {
    // Node creates a buffer from a string faster, because it uses its pool.
    this.#actual = this.#digests.map(({ algorithm }) => Buffer.from(hash(algorithm, content, 'binary'), 'binary'))
  }

  /** Returns whether each digest matches the complete content. Call it once, after the last chunk. */
  matches (): boolean {
    // There was more content than its declared length.
    if (this.#actual !== undefined && this.#hashes !== undefined) return false
    const actual = this.#actual ?? (this.#hashes ?? this.#createHashes()).map(one => one.digest())
    return this.#digests.every(({ expected }, i) => actual[i].length === expected.length && timingSafeEqual(actual[i], expected))
  }

  #createHashes (): Hash[] {
    return this.#digests.map(({ algorithm }) => createHash(algorithm))
  }
}
