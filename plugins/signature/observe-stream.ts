import type { Readable } from 'node:stream'

/** The methods that {@link observeStream} calls. */
export interface StreamObserver {
  /** Is called with each chunk, before it is buffered. */
  onChunk (chunk: Uint8Array | string): void
  /** Is called after the last chunk. A reader may get the end much later. */
  onComplete (): void
  /** Is called when a reader starts to read. */
  onResume (): void
  /** Is called instead of emitting `end`. Returns what `emit()` returns. */
  onEnd (): boolean
}

/**
 * Reports the content of a stream to an observer, before a reader gets it.
 * `push()` and `emit()` are replaced, because a stream has no event for the end
 * of content that is not read yet.
 */
export function observeStream (stream: Readable, observer: StreamObserver): void {
  const { push, emit } = stream
  stream.push = (chunk, encoding) => {
    if (chunk === null) {
      observer.onComplete()
      restorePush(stream)
    } else observer.onChunk(chunk)
    return push.call(stream, chunk, encoding)
  }
  stream.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event === 'end') return observer.onEnd()
    if (event === 'resume') observer.onResume()
    return emit.call(stream, event, ...args)
  }
}

/** Stops reporting the events of a stream, and lets the stream emit `end`. */
export function stopObserving (stream: Readable): void {
  // Delete the last property first: V8 turns an object into a slow dictionary if any other property is deleted.
  restoreEmit(stream)
  restorePush(stream)
}

/** Lets a stream emit `end`, but still reports its chunks. */
export function restoreEmit (stream: Partial<Readable>): void {
  delete stream.emit
}

function restorePush (stream: Partial<Readable>): void {
  delete stream.push
}
