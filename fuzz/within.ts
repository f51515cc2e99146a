/** What a promise resolves to, if that is soon enough. */
export async function within<T> (milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`nothing within ${milliseconds} ms`)) }, milliseconds)
  })
  return await Promise.race([promise, late]).finally(() => { clearTimeout(timer) })
}
