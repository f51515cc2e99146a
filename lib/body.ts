import type { Readable } from 'node:stream'

// How much of a dropped body is read for its message.
const READABLE = 64 * 1024

// How long a dropped body may keep its answer waiting, in milliseconds.
const PATIENCE = 1000

/** Whether a payload is a fetch `Response`, of whichever implementation. */
export function isWebResponse (payload: unknown): payload is Response {
  return typeof payload === 'object' && payload !== null && Object.prototype.toString.call(payload) === '[object Response]'
}

/** Drops a body that will not be sent: the source of a stream is closed. */
export function discard (body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  if ('destroy' in body) {
    // It may fail while it closes, and nobody else listens any more.
    (body as Readable).on('error', () => {}).destroy()
  } else if ('cancel' in body) {
    (body as ReadableStream).cancel().catch(() => {})
  }
}

/** The start of a body that will not be sent; its source is closed. */
export async function readStart (body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  // To cancel ends a read that waits.
  const timer = setTimeout(() => { discard(reader) }, PATIENCE)
  try {
    reader = body!.getReader()
    // A byte more than is read of a body shows that there was more.
    while (length <= READABLE) {
      const { done, value } = await reader.read()
      if (done) break
      const chunk = Buffer.from(value) // a string, too, is let through by fetch
      chunks.push(chunk)
      length += chunk.length
    }
  } catch {
    // No body, or one that fails: what was read is what there is.
  }
  clearTimeout(timer)
  discard(reader)
  return Buffer.concat(chunks)
}
