/** A pseudo-random number generator (mulberry32). The same seed produces the same numbers. */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** Returns a number from 0 up to, but not including, 1. */
  next (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Returns an integer from 0 up to, but not including, the limit. */
  below (limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Returns true with the given probability. */
  chance (probability: number): boolean {
    return this.next() < probability
  }

  /** Returns one of the elements. */
  pick<T> (from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  /** Returns an array of `least` to `most` elements, each returned by `make`. */
  several<T> (least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make)
  }
}
