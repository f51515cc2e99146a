import type { Readable } from 'node:stream'

/** What happens to a stream that is observed. */
export interface StreamObserver {
  /** Is called with each chunk, before it is buffered. */
  onChunk (chunk: Uint8Array | string): void
  /** Is called after the last chunk, which can be long before a reader gets the end. */
  onComplete (): void
  /** Is called when a reader starts to read. */
  onResume (): void
  /** Is called instead of emitting `end`. Returns what `emit()` returns. */
  onEnd (): boolean
}

/**
 * Reports to an observer what a stream receives, before anyone reads it.
 * `push()` and `emit()` are overridden, because no event of a stream tells that
 * its content is complete before the stream is read.
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

/** Reports no further events of a stream, and lets it emit `end`. */
export function stopObserving (stream: Readable): void {
  // In the reverse order of their creation: V8 makes a slow dictionary of an object that loses another property than its last one.
  restoreEmit(stream)
  restorePush(stream)
}

/** Lets a stream emit `end`, and still reports its chunks. */
export function restoreEmit (stream: Partial<Readable>): void {
  delete stream.emit
}

function restorePush (stream: Partial<Readable>): void {
  delete stream.push
}
