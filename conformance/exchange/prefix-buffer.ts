/**
 * Keeps the first bytes of a stream, and counts all of them. The chunks are
 * copied, so that small chunks do not keep their large buffers in memory.
 */
export class PrefixBuffer {
  readonly #maxBytes: number
  #buffer = Buffer.alloc(0)
  #kept = 0
  /** How many bytes were pushed. */
  length = 0

  /** @param maxBytes the most bytes to keep */
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
