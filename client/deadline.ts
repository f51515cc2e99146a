/** Ends a call when a signal aborts, or when its time is up. */
export interface Deadline {
  /** Aborts at the deadline. */
  signal: AbortSignal
  /** Settles like the given promise, but rejects with the signal's reason if the deadline comes first. */
  race<T> (promise: Promise<T>): Promise<T>
  /** Stops the timer, and stops listening to the caller's signal. The signal then keeps nothing in memory. */
  clear (): void
}

/**
 * Returns the deadline of one call.
 *
 * @param callerSignal aborts the deadline's signal, with the same reason. Default: none
 * @param timeout in milliseconds. Default: none
 */
export function createDeadline (callerSignal?: AbortSignal, timeout?: number): Deadline {
  const controller = new AbortController()
  const { signal } = controller
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.onabort = () => reject(signal.reason)
  })
  aborted.catch(() => {})

  const abort = () => controller.abort(callerSignal!.reason)
  if (callerSignal?.aborted) abort()
  callerSignal?.addEventListener('abort', abort)
  const timer = timeout && setTimeout(() => {
    controller.abort(new DOMException(`No response within ${timeout} ms`, 'TimeoutError'))
  }, timeout)

  return {
    signal,
    // Some implementations of fetch ignore the signal.
    race: promise => Promise.race([promise, aborted]),
    clear () {
      clearTimeout(timer)
      callerSignal?.removeEventListener('abort', abort)
      // Node keeps the signal of a request as long as the request lives, and this handler keeps what was raced, which can be
      // the request. So without this, neither is ever freed.
      signal.onabort = null
    }
  }
}
