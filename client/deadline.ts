/** Ends a call when a signal aborts, or when the timeout has passed. */
export interface Deadline {
  /** Aborts at the deadline. */
  signal: AbortSignal
  /** Settles like the given promise, but rejects with the signal's reason if the deadline comes first. */
  race<T> (promise: Promise<T>): Promise<T>
  /** Stops the timer, and stops listening to the caller's signal, so that the signal keeps nothing in memory. */
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
      // Node keeps the signal of a request as long as the request. This handler keeps the promises that were raced, and they
      // can keep the request. Without this line, neither is ever freed.
      signal.onabort = null
    }
  }
}
