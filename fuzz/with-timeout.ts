/** Resolves to the value of a promise. Rejects if the promise is not settled within the given time. */
export async function withTimeout<T> (milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`no result within ${milliseconds} ms`)) }, milliseconds)
  })
  return await Promise.race([promise, timeout]).finally(() => { clearTimeout(timer) })
}
