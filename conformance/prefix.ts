/**
 * Keeps the first bytes of what comes in pieces, and counts all. The pieces
 * are copied, so that a byte of a small piece takes no more memory than one of
 * a large piece.
 */
export class Prefix {
  readonly #limit: number
  #buffer = Buffer.alloc(0)
  #kept = 0
  /** How many bytes came. */
  length = 0

  /** @param limit in bytes */
  constructor (limit: number) {
    this.#limit = limit
  }

  push (piece: Uint8Array): void {
    this.length += piece.length
    const taken = piece.subarray(0, this.#limit - this.#kept)
    const kept = this.#kept + taken.length
    if (kept > this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], Math.min(2 * kept, this.#limit))
    this.#buffer.set(taken, this.#kept)
    this.#kept = kept
  }

  /** Returns the first bytes, up to the limit. */
  bytes (): Uint8Array {
    return this.#buffer.subarray(0, this.#kept)
  }
}
