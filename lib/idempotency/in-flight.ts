import { toText } from './operation.js'
import { WaitingLine } from './waiting-line.js'

/** The end of an execution. If it has no outcome, it is the caller's turn to execute. */
interface Ending<T> {
  readonly outcome: T | undefined
}

/** The result of an execution, or of waiting for another one. */
export type InFlightResult<T> =
  | { readonly isFirst: true, readonly outcome: T | undefined }
  | { readonly isFirst: false, readonly outcome: T }

/** An operation that is being executed. */
interface Entry<T, E> {
  readonly repetitions: WaitingLine<Ending<T>>
  execution: E | undefined
}

/**
 * The operations that this process executes. Retries that arrive meanwhile wait
 * without a connection to the database.
 *
 * @typeParam T the outcome of an execution
 * @typeParam E what {@link find} returns for an execution
 */
export class InFlight<T, E = never> {
  readonly #entries = new Map<string, Entry<T, E>>()

  /** Returns the `execution` of the call of {@link run} that executes the operation; undefined if there is none. */
  find (id: Buffer): E | undefined {
    return this.#entries.get(toText(id))?.execution
  }

  /**
   * Calls `first` if this process does not execute the operation. Otherwise waits
   * for the outcome. If an execution ends without one, the next waiting call executes.
   *
   * @param id the id of the operation
   * @param deadline when to stop waiting, as a time of `performance.now()`
   * @param first executes the operation. It resolves to undefined if it was rolled back
   * @param execution what {@link find} returns while `first` runs
   * @returns undefined if the deadline passes before another execution ends
   * @throws what `first` rejects with
   */
  async run (id: Buffer, deadline: number, first: () => Promise<T | undefined>, execution?: E): Promise<InFlightResult<T> | undefined> {
    const name = toText(id)
    const entry = this.#entries.get(name)
    if (entry === undefined) {
      this.#entries.set(name, { repetitions: new WaitingLine(), execution })
    } else {
      const ending = await entry.repetitions.wait(deadline)
      if (ending === undefined) return undefined
      if (ending.outcome !== undefined) return { isFirst: false, outcome: ending.outcome }
      entry.execution = execution
    }
    let outcome: T | undefined
    try {
      outcome = await first()
      return { isFirst: true, outcome }
    } finally {
      this.#end(name, outcome)
    }
  }

  #end (name: string, outcome: T | undefined): void {
    const { repetitions } = this.#entries.get(name)!
    // The entry stays for the next execution, so that no new request gets in between.
    if (outcome === undefined && repetitions.callNext({ outcome })) return
    this.#entries.delete(name)
    repetitions.callAll({ outcome })
  }
}
