import type { Scope } from '../../test/fixtures/database.js'

/** Collects the resources of a run, so that all of them can be released at its end. */
export class RunScope implements Scope {
  readonly #ends: Array<() => unknown> = []

  /** Adds a function that releases a resource. */
  teardown (end: () => unknown): void {
    this.#ends.push(end)
  }

  /** Calls the functions in reverse order. */
  async end (): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end()
  }
}
