/** Returns what a promise resolves to. Rejects if that takes longer than the given time. */
export async function withTimeout<T> (milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`no result within ${milliseconds} ms`)) }, milliseconds)
  })
  return await Promise.race([promise, timeout]).finally(() => { clearTimeout(timer) })
}
