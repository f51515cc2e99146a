/** Remembers which nonces were used. If it fails, the request is answered 503. */
export interface ReplayStore {
  /** A sentence about the store that is logged at the start of the service. */
  description?: string | undefined
  /**
   * Marks a nonce as used. Of several calls with the same nonce, also at the
   * same time and from different processes, at most one may return `true`.
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
