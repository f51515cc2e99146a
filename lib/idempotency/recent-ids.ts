import { toText } from './operation.js'

/** The ids of the operations that were added most recently. */
export class RecentIds {
  readonly #max: number
  readonly #names = new Set<string>()
  /** The same names. A new one replaces the oldest one, because finding the first entry of a large Set takes long. */
  readonly #ring: string[] = []
  #next = 0

  /** @param max how many ids are kept */
  constructor (max: number) {
    this.#max = max
  }

  add (id: Buffer): void {
    const name = toText(id)
    if (this.#names.has(name)) return
    this.#names.delete(this.#ring[this.#next]!)
    this.#names.add(name)
    this.#ring[this.#next] = name
    this.#next = (this.#next + 1) % this.#max
  }

  has (id: Buffer): boolean {
    return this.#names.has(toText(id))
  }
}
