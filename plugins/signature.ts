import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import { parseDictionary, serializeDictionary, serializeInnerList, serializeItem, type Dictionary, type Item, type Parameters } from 'structured-headers'
import { ContentDigest } from '../lib/content-digest.js'
import { SignatureError, Verifier, type SignatureOptions, type VerifiedKey } from '../lib/signature.js'
import { queryParameter, type SignableRequest } from '../lib/signature-base.js'
import { kVerify, type Verifying } from './permissions.js'

export { memoryStore, redisStore, type RedisClient, type ReplayStore } from '../lib/replay-store.js'
export type { Key, Secret, SignatureOptions, VerifiedKey } from '../lib/signature.js'
// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from './permissions.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that the request was signed with, once it is verified. */
    key: VerifiedKey | undefined
  }
}

// What these carry is not read by Fastify.
const WITHOUT_BODY = ['GET', 'HEAD', 'TRACE']

async function signature (app: FastifyInstance, { prefix, logLevel, logSerializers, ...options }: RegisterOptions & SignatureOptions): Promise<void> {
  if ((app as Verifying)[kVerify] !== undefined) throw new Error('fastify-reason-phrase: signature is registered already')
  const verifier = new Verifier(options)
  app.decorateRequest('key', undefined)
  app.decorate(kVerify, verify)
  app.addHook('onRequest', verify)

  app.addHook('preValidation', checkContent)

  const store = options.replay?.store.description
  if (store !== undefined) {
    app.addHook('onReady', done => {
      app.log.info(`fastify-reason-phrase: ${store}`)
      done()
    })
  }

  function verify (request: FastifyRequest, reply: FastifyReply, pass: HookHandlerDoneFunction): void {
    const { signature, permission } = request.routeOptions.config
    if (signature === false) {
      pass()
      return
    }
    const body = hasBody(request.raw)
    const refusal = (error: unknown): Error => {
      if (error instanceof SignatureError) error.headers['accept-signature'] = verifier.accept(body)
      // Fastify takes what is falsy for no error.
      return error instanceof Error ? error : new Error('fastify-reason-phrase: the keys could not be looked up', { cause: error })
    }
    // Before the first byte of the body is read.
    const digest = body ? digestOf(request) : undefined
    const content = digest && new Content(request, reply, digest, () => refusal(mismatch()))

    verifier.verify(new Incoming(request), body).then(({ key, covered }) => {
      if (!coversDigest(covered)) content?.release()
      else if (!body) checkEmpty(request)
      else if (WITHOUT_BODY.includes(request.method)) throw new SignatureError(`A ${request.method} request must have no body`)
      else if (content === undefined) throw new SignatureError('The request must have a Content-Digest with sha-256 or sha-512')
      request.key = key
    }).then(() => {
      if (permission === undefined || request.key!.permissions.includes(permission)) pass()
      else reply.forbidden(`The key lacks the permission ${permission}`)
    }, error => {
      // What follows is dropped, and no work is due for it.
      content?.release()
      pass(refusal(error))
    })
  }
}

/** Whether content follows, which the digest must be of. */
function hasBody (raw: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
  if (coding !== undefined) return true
  if (length !== undefined) return Number(length) !== 0
  return raw.httpVersionMajor === 2 && !(raw as unknown as Http2ServerRequest).stream.endAfterHeaders
}

function digestOf ({ headers }: FastifyRequest): ContentDigest | undefined {
  const field = headers['content-digest']
  return typeof field === 'string' ? ContentDigest.parse(field) : undefined
}

function checkEmpty (request: FastifyRequest): void {
  if (digestOf(request)?.matches() !== true) throw mismatch()
}

function mismatch (): SignatureError {
  return new SignatureError('The Content-Digest does not match the body')
}

function coversDigest (covered: ReadonlySet<string>): boolean {
  for (const identifier of covered) if (identifier.startsWith('"content-digest"')) return true
  return false
}

const kContent = Symbol('fastify-reason-phrase.content')

type WithContent = FastifyRequest & { [kContent]?: Content }

/**
 * The content of a request, held against its digest as it arrives, whoever
 * reads it, and before anybody decodes it. Who reads it to the end gets an
 * error in the place of the end.
 */
class Content {
  /** Whether the digest is of the content; undefined while that is not complete. */
  matches: boolean | undefined
  /** Called once the content is complete. */
  onComplete: () => void = () => {}
  readonly refusal: () => Error
  readonly #request: WithContent

  constructor (request: WithContent, reply: FastifyReply, digest: ContentDigest, refusal: () => Error) {
    this.refusal = refusal
    this.#request = request
    request[kContent] = this
    const { raw } = request
    const { push, emit } = raw
    this.#takeEarly(digest)
    if (this.matches === true) return
    raw.push = (chunk, encoding) => {
      if (chunk !== null) {
        digest.update(chunk)
        return push.call(raw, chunk, encoding)
      }
      delete (raw as Partial<IncomingMessage>).push
      this.matches = digest.matches()
      if (this.matches) this.#restore()
      const more = push.call(raw, null)
      this.onComplete()
      return more
    }
    // The content can be complete long before somebody reads it, or listens for errors.
    raw.emit = ((event: string, ...args: unknown[]) => {
      if (event !== 'end') return emit.call(raw, event, ...args)
      this.#restore()
      if (raw.listenerCount('error') > 0) return raw.emit('error', refusal())
      // Pipes do not listen. Where the answer is out, nobody reads: Node drops the rest.
      if (reply.raw.writableEnded) return raw.emit('end')
      raw.destroy()
      return reply.send(refusal()).sent
    }) as typeof emit
  }

  /** What came while hooks before this one waited. */
  #takeEarly (digest: ContentDigest): void {
    const { raw } = this.#request
    if (raw.readableLength > 0) {
      const early = raw.read(raw.readableLength)
      digest.update(early)
      raw.unshift(early)
    }
    // Nothing public tells that the end has come, and waits to be read.
    if ((raw as unknown as { _readableState: { ended: boolean } })._readableState.ended) this.matches = digest.matches()
  }

  /** Lets the content be as it is. */
  release (): void {
    this.#request[kContent] = undefined
    this.#restore()
  }

  #restore (): void {
    const raw: Partial<IncomingMessage> = this.#request.raw
    delete raw.push
    delete raw.emit
  }
}

/** Has no handler run on what was read of content that is not what it should be. */
function checkContent (request: WithContent, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const content = request[kContent]
  const check = (): void => { content?.matches === false ? done(content.refusal()) : done() }
  // Who streams it sees the end, or the error in its place, when it comes there.
  if (content?.matches !== undefined || content === undefined || isStreamed(request.body)) {
    check()
    return
  }
  // A parser can be done before the content is: of what a gzip stream is followed by, it reads nothing.
  content.onComplete = check
  request.raw.unpipe().resume()
}

function isStreamed (body: unknown): boolean {
  return body === undefined || Symbol.asyncIterator in Object(body)
}

// Fields that are dictionaries (RFC 9421 section 2.1.1), as far as requests have them.
const DICTIONARIES = new Set(['accept-signature', 'content-digest', 'priority', 'repr-digest', 'signature', 'signature-input', 'want-content-digest', 'want-repr-digest'])

/** A request of Fastify's, as a signature covers it. */
class Incoming implements SignableRequest {
  readonly queryParameter = queryParameter
  readonly #request: FastifyRequest
  // Many components can be of one field.
  readonly #dictionaries = new Map<string, Dictionary>()

  constructor (request: FastifyRequest) {
    this.#request = request
  }

  get method (): string {
    return this.#request.method
  }

  get scheme (): string {
    return this.#request.protocol
  }

  get authority (): string {
    return this.#request.host.toLowerCase().replace(this.scheme === 'https' ? /:443$/ : /:80$/, '')
  }

  get target (): string {
    return this.#request.originalUrl
  }

  field (name: string, parameters: Parameters): string | undefined {
    const lines = this.#lines(name)
    if (lines.length === 0) return undefined
    // RFC 9113 section 8.2.3: HTTP/2 may have a cookie in crumbs.
    const value = lines.join(name === 'cookie' ? '; ' : ', ')
    if (parameters.size === 0) return value
    if (parameters.size > 1) return undefined
    if (parameters.get('bs') === true) return lines.map(line => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ')
    try {
      if (parameters.get('sf') === true && DICTIONARIES.has(name)) return serializeDictionary(this.#dictionary(name, value))
      const key = parameters.get('key')
      if (typeof key === 'string') return member(this.#dictionary(name, value), key)
    } catch {
      // It is no dictionary, so there is no such value.
    }
    return undefined
  }

  #dictionary (name: string, value: string): Dictionary {
    let dictionary = this.#dictionaries.get(name)
    if (dictionary === undefined) this.#dictionaries.set(name, dictionary = parseDictionary(value))
    return dictionary
  }

  /** Node's own headers leave out some lines of a field that has several. */
  #lines (name: string): string[] {
    const { rawHeaders } = this.#request.raw
    const lines: string[] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i].length === name.length && rawHeaders[i].toLowerCase() === name) lines.push(rawHeaders[i + 1].replace(/^[\t ]+|[\t ]+$/g, ''))
    }
    return lines
  }
}

function member (dictionary: Dictionary, key: string): string | undefined {
  const value = dictionary.get(key)
  if (value === undefined) return undefined
  return Array.isArray(value[0]) ? serializeInnerList(value as never) : serializeItem(value as Item)
}

/**
 * The Fastify plugin that answers 401 to a request that is not signed as it
 * must be (HTTP Message Signatures, RFC 9421, with hmac-sha256, and
 * Content-Digest, RFC 9530), and 403 where the key of a request lacks the
 * permission of its route.
 */
export default fp(signature, { fastify: '5.x', name: 'fastify-reason-phrase/signature', dependencies: ['fastify-reason-phrase'] })
