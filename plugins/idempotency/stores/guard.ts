/** Ends the use of the transaction that a handler got. */
export class Guard {
  #hasEnded = false

  /** Makes {@link check} throw. */
  end (): void {
    this.#hasEnded = true
  }

  /** @throws {Error} after the end of the transaction */
  check (): void {
    if (this.#hasEnded) throw new Error('The transaction of this request has ended. A handler must await its queries before it sends the response')
  }
}
