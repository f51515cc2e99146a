/**
 * Waits for a promise for a limited time. What the promise settles to later is
 * ignored.
 *
 * @param milliseconds the most that it waits
 * @param makeError makes the error for a promise that is late
 * @returns what the promise resolves to
 * @throws what the promise rejects with, or the error of `makeError`
 */
export async function withTimeLimit<T> (promise: PromiseLike<T> | T, milliseconds: number, makeError: () => Error): Promise<T> {
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
