import { toText } from './operation.js'
import { WaitingLine } from './waiting-line.js'

/** The end of an execution. Without an outcome, the caller's turn has come. */
interface Ending<T> {
  readonly outcome: T | undefined
}

/** The result of an execution, or of waiting for another one. */
export type InFlightResult<T> =
  | { readonly isFirst: true, readonly outcome: T | undefined }
  | { readonly isFirst: false, readonly outcome: T }

/**
 * The operations that this process executes. Repetitions that arrive meanwhile
 * wait without a connection to the database.
 */
export class InFlight<T> {
  readonly #repetitions = new Map<string, WaitingLine<Ending<T>>>()

  /**
   * Calls `first` if this process does not execute the operation. Otherwise waits
   * for the outcome. If an execution ends without one, the next call executes.
   *
   * @param id the id of the operation
   * @param deadline how long to wait, as a time of `performance.now()`
   * @param first executes the operation. It resolves to undefined if it was rolled back
   * @returns undefined if the deadline passes before another execution ends
   * @throws what `first` rejects with
   */
  async run (id: Buffer, deadline: number, first: () => Promise<T | undefined>): Promise<InFlightResult<T> | undefined> {
    const name = toText(id)
    const ending = await this.#waitForTurn(name, deadline)
    if (ending === undefined) return undefined
    if (ending.outcome !== undefined) return { isFirst: false, outcome: ending.outcome }
    let outcome: T | undefined
    try {
      outcome = await first()
      return { isFirst: true, outcome }
    } finally {
      this.#end(name, outcome)
    }
  }

  async #waitForTurn (name: string, deadline: number): Promise<Ending<T> | undefined> {
    const line = this.#repetitions.get(name)
    if (line !== undefined) return await line.wait(deadline)
    this.#repetitions.set(name, new WaitingLine())
    return { outcome: undefined }
  }

  #end (name: string, outcome: T | undefined): void {
    const line = this.#repetitions.get(name)!
    // The line stays for the next execution, so that no new request gets in between.
    if (outcome === undefined && line.callNext({ outcome })) return
    this.#repetitions.delete(name)
    line.callAll({ outcome })
  }
}
