// The same numbers as in the standard retry mode of the AWS SDKs.
const CAPACITY = 500
const COST = 5
const REFUND = 1

/**
 * A token bucket that limits the retries of a client, so that they do not overload a service in trouble. A retry takes 5
 * of 500 tokens. A response that is a success or a 4xx gives back 1 token, or 5 tokens if it is the response to a retry.
 * So 100 retries in a row can fail. After that, one retry is allowed for every five such responses.
 */
export class RetryBudget {
  #tokens = CAPACITY

  /** Takes the tokens for a retry. Returns whether there were enough. */
  take (): boolean {
    if (this.#tokens < COST) return false
    this.#tokens -= COST
    return true
  }

  /** Gives tokens back for a response. */
  refund (wasRepetition: boolean): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + (wasRepetition ? COST : REFUND))
  }
}
