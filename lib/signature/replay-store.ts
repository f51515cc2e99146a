/** Remembers which nonces were used. If the store fails, the response is 503. */
export interface ReplayStore {
  /** A sentence about the store that is logged at the start of the service. */
  description?: string | undefined
  /**
   * Marks a nonce as used. At most one call with the same nonce may return
   * `true`, even if calls come at the same time or from different processes.
   *
   * @param nonce the nonce, prefixed with the id of its key
   * @param lifetime how long to remember the nonce, in seconds
   * @param expires when the signature is too old to be accepted, in seconds
   * since 1970. A store in memory needs it in case the clock is set back. A
   * store that wraps another store must pass it on.
   * @returns whether the nonce is new
   */
  take (nonce: string, lifetime: number, expires?: number): boolean | Promise<boolean>
}
