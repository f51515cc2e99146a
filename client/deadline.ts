/** When to give up: at a signal, or after a time. */
export interface Deadline {
  signal: AbortSignal
  /** Settles as the promise does, or rejects with the reason to give up, whichever comes first. */
  before<T> (promise: Promise<T>): Promise<T>
  /** Forgets the signal and the time. */
  clear (): void
}

/** @param timeout in milliseconds */
export function deadline (given?: AbortSignal, timeout?: number): Deadline {
  const controller = new AbortController()
  const { signal } = controller
  const reached = new Promise<never>((_resolve, reject) => {
    signal.onabort = () => reject(signal.reason)
  })
  reached.catch(() => {})

  const abort = () => controller.abort(given!.reason)
  if (given?.aborted) abort()
  given?.addEventListener('abort', abort)
  const timer = timeout && setTimeout(() => {
    controller.abort(new DOMException(`No response within ${timeout} ms`, 'TimeoutError'))
  }, timeout)

  return {
    signal,
    // Not every fetch minds the signal.
    before: promise => Promise.race([promise, reached]),
    clear () {
      clearTimeout(timer)
      given?.removeEventListener('abort', abort)
    }
  }
}
