/** Rejects the queries of a handler after the end of its transaction. */
export class Guard {
  #hasEnded = false

  /** Makes {@link check} throw. */
  end (): void {
    this.#hasEnded = true
  }

  /** @throws {Error} after the end of the transaction */
  check (): void {
    if (this.#hasEnded) throw new Error('fastify-reason-phrase: a handler used its transaction after the transaction had ended. Await all queries before you send the response')
  }
}
