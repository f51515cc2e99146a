import { AsyncResource } from 'node:async_hooks'
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { ContentDigest } from '../../lib/signature/content-digest.js'
import { getHttp2Stream, isStreamed } from './framing.js'
import { observeStream, restoreEmit, stopObserving, type StreamObserver } from './observe-stream.js'

const kContent = Symbol('fastify-reason-phrase.content')

type RequestWithContent = FastifyRequest & { [kContent]?: Content }

// How long a client may take to end its HTTP/2 request after the request was rejected.
const STREAM_CLOSE_DELAY_MS = 1000

/**
 * The state of the content of a request:
 *
 * | state | event | next state |
 * |---|---|---|
 * | awaiting | the first byte | receiving |
 * | awaiting, receiving | the end, and the digest matches | matched |
 * | awaiting, receiving | the end, and the digest does not match | mismatched |
 * | mismatched | a reader without an error listener reaches the end, so an error response is sent | rejected |
 * | any state | `release()` or `discard()` | released |
 */
type State = 'awaiting' | 'receiving' | 'matched' | 'mismatched' | 'rejected' | 'released'

/**
 * The content of a request. Its digest is computed while it arrives, before it
 * is decoded, and whichever parser or handler reads it. If the digest does not
 * match, the reader gets an error instead of the end.
 */
export class Content implements StreamObserver {
  /** Creates the error for a digest that does not match. */
  readonly createError: () => Error
  readonly #request: RequestWithContent
  readonly #reply: FastifyReply
  readonly #digest: ContentDigest | undefined
  #state: State = 'awaiting'
  #isEmpty = true
  // After the response, Node discards unread content only if nothing was read before.
  #isRead = false
  #onStateChange: () => void = () => {}
  // The events of the stream have the asynchronous context of the connection. Handlers need the context of their request.
  #context = new AsyncResource('fastify-reason-phrase.content')

  /** Starts to observe the content of a request. */
  static observe (request: RequestWithContent, reply: FastifyReply, digest: ContentDigest | undefined, createError: () => Error): Content {
    const content = new Content(request, reply, digest, createError)
    request[kContent] = content
    content.#takeBuffered()
    if (content.#state !== 'matched') observeStream(request.raw, content)
    return content
  }

  /** Returns the content of a request; undefined if the request has none, or if its digest is not checked. */
  static get (request: RequestWithContent): Content | undefined {
    return request[kContent]
  }

  private constructor (request: RequestWithContent, reply: FastifyReply, digest: ContentDigest | undefined, createError: () => Error) {
    this.#request = request
    this.#reply = reply
    this.#digest = digest
    this.createError = createError
  }

  /** The SHA-256 that the content must have; undefined if it is not checked. */
  get sha256 (): Uint8Array | undefined {
    return this.#digest?.sha256
  }

  /** Returns whether there is content; undefined until the first byte or the end. */
  get isPresent (): boolean | undefined {
    return this.#state === 'awaiting' ? undefined : !this.#isEmpty
  }

  /** Returns whether the digest matches the content; undefined until the end. */
  get matches (): boolean | undefined {
    switch (this.#state) {
      case 'matched': return true
      case 'mismatched':
      case 'rejected': return false
      default: return undefined
    }
  }

  /** Processes the content that arrived while earlier hooks were waiting. */
  #takeBuffered (): void {
    const { raw } = this.#request
    if (raw.readableLength > 0) {
      this.#isRead = true
      const chunk = raw.read(raw.readableLength)
      this.onChunk(chunk)
      raw.unshift(chunk)
    }
    // Node has no public property that tells whether the end has arrived before it was read.
    if ((raw as unknown as { _readableState: { ended: boolean } })._readableState.ended) this.onComplete()
  }

  onChunk (chunk: Uint8Array | string): void {
    const isFirst = this.#state === 'awaiting'
    if (isFirst && typeof chunk !== 'string' && chunk.length === Number(this.#request.headers['content-length'])) this.#digest?.setContent(chunk)
    else this.#digest?.update(chunk)
    if (!isFirst) return
    this.#isEmpty = false
    this.#setState('receiving')
  }

  onComplete (): void {
    const matches = this.#digest?.matches() ?? false
    if (matches) stopObserving(this.#request.raw)
    this.#setState(matches ? 'matched' : 'mismatched')
  }

  onResume (): void {
    // The reader calls this in the asynchronous context of its request.
    this.#context = new AsyncResource('fastify-reason-phrase.content')
  }

  onEnd (): boolean {
    const { raw } = this.#request
    stopObserving(raw)
    if (raw.listenerCount('error') > 0) return raw.emit('error', this.createError())
    // After the response, Node itself reads the rest of the content.
    if (this.#reply.raw.writableEnded) return raw.emit('end')
    // A pipe has no error listener, so send the error here.
    this.#setState('rejected')
    raw.destroy()
    return this.#context.runInAsyncScope(() => this.#reply.send(this.createError()).sent)
  }

  #setState (state: State): void {
    this.#state = state
    this.#onStateChange()
  }

  /**
   * Waits for the first byte or the end.
   *
   * @param timeoutMs how long to wait, in milliseconds
   * @returns whether there is content; undefined after the timeout
   */
  async waitForStart (timeoutMs: number): Promise<boolean | undefined> {
    if (this.isPresent === undefined) {
      const { raw } = this.#request
      this.#isRead = true
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, timeoutMs)
        // If the client disconnects, leave the promise pending: no response is needed.
        const stop = (): void => { clearTimeout(timer) }
        raw.once('close', stop)
        this.#onStateChange = () => {
          stop()
          raw.off('close', stop)
          resolve()
        }
        // The streams of HTTP/2 and of inject() receive nothing until they are read.
        raw.read(0)
      })
    }
    return this.isPresent
  }

  /** Reads the rest of the content, waits for the end, and returns the state. */
  async waitForEnd (): Promise<'matched' | 'mismatched' | 'rejected'> {
    if (this.#state === 'rejected') return 'rejected'
    // The caller reports a mismatch from now on.
    restoreEmit(this.#request.raw)
    if (this.matches === undefined) this.#request.raw.unpipe().resume()
    // A promise keeps the asynchronous context of the request.
    while (this.matches === undefined) await new Promise<void>(resolve => { this.#onStateChange = resolve })
    return this.matches ? 'matched' : 'mismatched'
  }

  /** Stops checking the digest. */
  release (): void {
    this.#request[kContent] = undefined
    stopObserving(this.#request.raw)
    this.#state = 'released'
  }

  /** Discards the content, because the request is rejected. */
  discard (): void {
    this.release()
    const { raw } = this.#request
    if (this.#isRead) raw.resume()
    const stream = getHttp2Stream(raw)
    if (stream !== undefined) closeLater(stream)
  }
}

/** Returns the SHA-256 that the content of a verified request must have; undefined if it is not checked. */
export function getBodyDigest (request: FastifyRequest): Uint8Array | undefined {
  return Content.get(request)?.sha256
}

/** Rejects a request whose parsed content does not match its digest, before a handler runs. */
export function checkContent (request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const content = Content.get(request)
  // A handler that reads the content as a stream gets the error from the stream.
  if (content === undefined || (content.matches === undefined && isStreamed(request))) {
    done()
    return
  }
  // A parser may finish before the content ends. For example, gunzip ignores the bytes after a gzip stream.
  content.waitForEnd().then(state => {
    if (state !== 'rejected') done(state === 'matched' ? undefined : content.createError())
  }, done)
}

/** Closes the stream if its client does not end the request (RFC 9113 section 8.1). Node would leave the stream open. */
function closeLater (stream: ServerHttp2Stream): void {
  // Wait, because closing the stream at once could drop a response that is not written yet.
  const timer = setTimeout(() => { stream.close(constants.NGHTTP2_NO_ERROR) }, STREAM_CLOSE_DELAY_MS)
  timer.unref()
  stream.once('close', () => { clearTimeout(timer) })
}
