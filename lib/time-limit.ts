/** The longest time that a timer of Node can wait, in milliseconds. With a longer one, it does not wait at all. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1

/**
 * Waits for a promise for a limited time. What the promise settles to later is
 * ignored. A value that is no promise is returned without a timer.
 *
 * @param milliseconds the most that it waits, at most {@link LONGEST_TIMEOUT}
 * @param makeError makes the error for a promise that is late
 * @returns what the promise resolves to
 * @throws what the promise rejects with, or the error of `makeError`
 */
export async function withTimeLimit<T> (promise: PromiseLike<T> | T, milliseconds: number, makeError: () => Error): Promise<T> {
  if (!isPromise(promise)) return promise
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(makeError()) }, milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function isPromise<T> (value: PromiseLike<T> | T): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function'
}
