// The numbers of the AWS SDKs' standard retry mode.
const CAPACITY = 500
const COST = 5
const REFUND = 1

/**
 * Limits how often a client repeats requests, so that its repetitions do not bury a service in trouble: a token bucket.
 * A repetition takes 5 of 500 tokens. An answer that is a success or a 4xx gives back 1, and 5 if it answers a repetition.
 * So 100 repetitions in a row can fail. After that, one repetition is allowed for every five answers.
 */
export class RetryBudget {
  #tokens = CAPACITY

  /** Takes the tokens of a repetition. Returns whether there were enough. */
  take (): boolean {
    if (this.#tokens < COST) return false
    this.#tokens -= COST
    return true
  }

  /** Gives tokens back for an answer. */
  refund (wasRepetition: boolean): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + (wasRepetition ? COST : REFUND))
  }
}
