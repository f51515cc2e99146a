/** Callers that wait in the order of their arrival, each until its own deadline. */
export class WaitingLine<T> {
  readonly #callers = new Set<(value: T | undefined) => void>()

  /**
   * Waits for a value.
   *
   * @param deadline when to stop waiting, as a time of `performance.now()`
   * @returns the value; undefined if the deadline passes first
   */
  async wait (deadline: number): Promise<T | undefined> {
    const remaining = deadline - performance.now()
    if (remaining <= 0) return undefined
    return await new Promise(resolve => {
      const call = (value: T | undefined): void => {
        clearTimeout(timer)
        this.#callers.delete(call)
        resolve(value)
      }
      const timer = setTimeout(call, remaining, undefined)
      this.#callers.add(call)
    })
  }

  /** Gives a value to the caller that has waited longest. Returns false if nobody waits. */
  callNext (value: T): boolean {
    const [call] = this.#callers
    if (call === undefined) return false
    call(value)
    return true
  }

  /** Gives a value to all callers. */
  callAll (value: T): void {
    for (const call of this.#callers) call(value)
  }
}
