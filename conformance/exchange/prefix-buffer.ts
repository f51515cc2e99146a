/**
 * Keeps the first bytes of a stream, and counts all bytes. Copies the chunks,
 * because a small chunk can be a view of a large buffer and keep it in memory.
 */
export class PrefixBuffer {
  readonly #maxBytes: number
  #buffer = Buffer.alloc(0)
  #kept = 0
  /** The total number of bytes that were pushed. */
  length = 0

  /** @param maxBytes the maximum number of bytes to keep */
  constructor (maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds a chunk. */
  push (chunk: Uint8Array): void {
    this.length += chunk.length
    const added = chunk.subarray(0, this.#maxBytes - this.#kept)
    const kept = this.#kept + added.length
    if (kept > this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], Math.min(2 * kept, this.#maxBytes))
    this.#buffer.set(added, this.#kept)
    this.#kept = kept
  }

  /** Returns the kept bytes. */
  bytes (): Uint8Array {
    return this.#buffer.subarray(0, this.#kept)
  }
}
