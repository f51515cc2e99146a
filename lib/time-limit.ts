/** The longest delay of a timer in Node, in milliseconds. A timer with a longer delay fires at once. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Waits for a promise for a limited time. A later outcome of the promise is
 * ignored. A value that is not a promise is returned without a timer.
 *
 * @param timeoutMs the longest time to wait, in milliseconds, at most {@link MAX_TIMEOUT_MS}
 * @param createError creates the error for a promise that is late
 * @returns what the promise resolves to
 * @throws what the promise rejects with, or the error of `createError`
 */
export async function withTimeLimit<T> (promise: PromiseLike<T> | T, timeoutMs: number, createError: () => Error): Promise<T> {
  if (!isPromise(promise)) return promise
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(createError()) }, timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Returns whether a value is a promise of any library. */
export function isPromise<T> (value: PromiseLike<T> | T): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function'
}
