import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import { constants, type Http2ServerRequest } from 'node:http2'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { ContentDigest } from '../../lib/signature/content-digest.js'

/** Whether content follows; undefined where only its first byte or its end will tell (RFC 9110 section 6.4). */
export function expectsContent (raw: IncomingMessage): boolean | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
  if (coding !== undefined) return undefined
  if (length !== undefined) return Number(length) !== 0
  return raw.httpVersionMajor === 2 && !(raw as unknown as Http2ServerRequest).stream.endAfterHeaders ? undefined : false
}

const kContent = Symbol('fastify-reason-phrase.content')

// How long, in milliseconds, a client can take to end a request that is refused.
const LINGER = 1000

type WithContent = FastifyRequest & { [kContent]?: Content }

/**
 * The content of a request, held against its digest as it arrives, whoever
 * reads it, and before anybody decodes it. If the digest does not match, the
 * reader gets an error instead of the end.
 */
export class Content {
  /** Whether there is any; undefined until its first byte, or its end. */
  isPresent: boolean | undefined
  /** Whether the digest is of the content; undefined until its end. */
  matches: boolean | undefined
  readonly refusal: () => Error
  readonly #request: WithContent
  readonly #digest: ContentDigest | undefined
  /** Called at the first byte, and at the end. */
  #onChange: () => void = () => {}
  #isRead = false
  #isRefused = false
  // The parser of the connection has a context of its own.
  #context = new AsyncResource('fastify-reason-phrase.content')

  constructor (request: WithContent, reply: FastifyReply, digest: ContentDigest | undefined, refusal: () => Error) {
    this.refusal = refusal
    this.#request = request
    this.#digest = digest
    request[kContent] = this
    const { raw } = request
    const { push, emit } = raw
    this.#takeEarly()
    if (this.matches === true) return
    raw.push = (chunk, encoding) => {
      if (chunk !== null) {
        this.#take(chunk)
        return push.call(raw, chunk, encoding)
      }
      delete (raw as Partial<IncomingMessage>).push
      this.#end()
      const more = push.call(raw, null)
      this.#onChange()
      return more
    }
    // The content can be complete long before somebody reads it, or listens for errors.
    raw.emit = ((event: string, ...args: unknown[]) => {
      // Whoever begins to read does so in the context of the request, while the end comes in that of the parser.
      if (event === 'resume') this.#context = new AsyncResource('fastify-reason-phrase.content')
      if (event !== 'end') return emit.call(raw, event, ...args)
      this.#restore()
      if (raw.listenerCount('error') > 0) return raw.emit('error', refusal())
      // Pipes do not listen. Where the answer is out, nobody reads: Node drops the rest.
      if (reply.raw.writableEnded) return raw.emit('end')
      this.#isRefused = true
      raw.destroy()
      return this.#context.runInAsyncScope(() => reply.send(refusal()).sent)
    }) as typeof emit
  }

  /** What came while hooks before this one waited. */
  #takeEarly (): void {
    const { raw } = this.#request
    if (raw.readableLength > 0) {
      this.#isRead = true
      const early = raw.read(raw.readableLength)
      this.#take(early)
      raw.unshift(early)
    }
    // Nothing public tells that the end has come, and waits to be read.
    if ((raw as unknown as { _readableState: { ended: boolean } })._readableState.ended) this.#end()
  }

  #take (chunk: Uint8Array | string): void {
    this.#digest?.update(chunk)
    if (this.isPresent === true) return
    this.isPresent = true
    this.#onChange()
  }

  #end (): void {
    this.isPresent ??= false
    this.matches = this.#digest?.matches() ?? false
    if (this.matches) this.#restore()
  }

  /**
   * Waits for the first byte or the end, and returns whether there is content.
   *
   * @param limit how long to wait, in milliseconds; then it returns undefined
   */
  async begins (limit: number): Promise<boolean | undefined> {
    if (this.isPresent === undefined) {
      const { raw } = this.#request
      this.#isRead = true
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, limit)
        // Nobody is there to be answered.
        const stop = (): void => { clearTimeout(timer) }
        raw.once('close', stop)
        this.#onChange = () => {
          stop()
          raw.off('close', stop)
          resolve()
        }
        // HTTP/2 and inject() tell of nothing until they are read.
        raw.read(0)
      })
    }
    return this.isPresent
  }

  /**
   * Reads what nobody else reads, to its end, and returns whether the digest
   * is of the content; undefined if the request is refused already.
   */
  async completes (): Promise<boolean | undefined> {
    if (this.#isRefused) return undefined
    // From now on, nobody else is told of a mismatch.
    delete (this.#request.raw as Partial<IncomingMessage>).emit
    if (this.matches === undefined) this.#request.raw.unpipe().resume()
    // A promise, since the end comes in the context of the parser of the connection.
    while (this.matches === undefined) await new Promise<void>(resolve => { this.#onChange = resolve })
    return this.matches
  }

  /** Lets the content be as it is. */
  release (): void {
    this.#request[kContent] = undefined
    this.#restore()
  }

  /** Has nobody read the content, now that the request is refused. */
  drop (): void {
    this.release()
    const { raw } = this.#request
    // Node drops the rest only where nothing was read.
    if (this.#isRead) raw.resume()
    if (raw.httpVersionMajor === 2) closeLater((raw as unknown as Http2ServerRequest).stream)
  }

  #restore (): void {
    const raw: Partial<IncomingMessage> = this.#request.raw
    delete raw.push
    delete raw.emit
  }
}

/** Has no handler run on what was read of content that is not what it should be. */
export function checkContent (request: WithContent, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const content = request[kContent]
  // Who streams it sees the end, or the error in its place, when it comes there.
  if (content === undefined || (content.matches === undefined && isStreamed(request))) {
    done()
    return
  }
  // A parser can be done before the content is: of what a gzip stream is followed by, it reads nothing.
  content.completes().then(matches => {
    if (matches !== undefined) done(matches ? undefined : content.refusal())
  }, done)
}

/** RFC 9113 section 8.1: the client need send no more. Node leaves a stream open whose client never ends it. */
function closeLater (stream: Http2ServerRequest['stream']): void {
  // At once, the response could be dropped that is still to be written.
  const timer = setTimeout(() => { stream.close(constants.NGHTTP2_NO_ERROR) }, LINGER)
  timer.unref()
  stream.once('close', () => { clearTimeout(timer) })
}

function isStreamed ({ body, headers }: FastifyRequest): boolean {
  if (body !== undefined) return Symbol.asyncIterator in Object(body)
  // Without any of these, Fastify has no parser read the content.
  return ['content-type', 'content-length', 'transfer-encoding'].some(name => headers[name] !== undefined)
}
