import type { Scope } from '../../test/fixtures/database.js'

/** What a run has started, and has to end. */
export class RunScope implements Scope {
  readonly #ends: Array<() => unknown> = []

  /** Adds what ends something. */
  teardown (end: () => unknown): void {
    this.#ends.push(end)
  }

  /** Ends everything, the last first. */
  async end (): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end()
  }
}
