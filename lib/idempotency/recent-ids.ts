import { toText } from './operation.js'

/** The ids of operations that were added last. */
export class RecentIds {
  readonly #max: number
  readonly #names = new Set<string>()

  /** @param max how many ids are kept */
  constructor (max: number) {
    this.#max = max
  }

  add (id: Buffer): void {
    this.#names.add(toText(id))
    if (this.#names.size <= this.#max) return
    const [oldest] = this.#names
    this.#names.delete(oldest!)
  }

  has (id: Buffer): boolean {
    return this.#names.has(toText(id))
  }
}
