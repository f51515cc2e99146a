/** The longest time that a timer of Node can wait, in milliseconds: with a longer one it does not wait at all. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1

/**
 * Waits for an answer for a limited time. An answer that is no promise is
 * returned as it is. What a promise does after the time is ignored, also if it
 * rejects.
 *
 * @param timeout how long to wait, in milliseconds, at most {@link LONGEST_TIMEOUT}
 * @param answer the answer, or a promise of it
 * @param late makes the error that is thrown when the time is over
 */
export async function within<T> (timeout: number, answer: T | PromiseLike<T>, late: () => Error): Promise<T> {
  if (!isPromise(answer)) return answer
  let timer: NodeJS.Timeout
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(late()) }, timeout)
  })
  return await Promise.race([answer, end]).finally(() => { clearTimeout(timer) })
}

function isPromise<T> (answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof (answer as PromiseLike<T> | null | undefined)?.then === 'function'
}
