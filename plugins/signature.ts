import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import { parseDictionary, serializeDictionary, serializeInnerList, serializeItem, type Dictionary, type Item, type Parameters } from 'structured-headers'
import { ContentDigest } from '../lib/content-digest.js'
import { SignatureError, Verifier, type SignatureOptions, type VerifiedKey } from '../lib/signature.js'
import type { SignableRequest } from '../lib/signature-base.js'
import { kVerify, type Verifying } from './permissions.js'

export { memoryStore, redisStore, type RedisClient, type ReplayStore } from '../lib/replay-store.js'
export type { Key, Secret, SignatureOptions, VerifiedKey } from '../lib/signature.js'

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

  app.addHook('onRoute', ({ method, url, config }) => {
    const { permission, signature } = config ?? {}
    if (permission !== undefined && (typeof permission !== 'string' || permission === '' || signature === false)) {
      throw new Error(`fastify-reason-phrase: the route ${[method].flat().join(', ')} ${url} must have its config.permission as a text, and not with signature: false`)
    }
  })

  const store = options.replay?.store.description
  if (store !== undefined) {
    app.addHook('onReady', done => {
      app.log.info(`fastify-reason-phrase: ${store}`)
      done()
    })
  }

  function verify (request: FastifyRequest, reply: FastifyReply, pass: HookHandlerDoneFunction): void {
    const { signature, permission } = request.routeOptions.config ?? {}
    if (signature === false) {
      pass()
      return
    }
    const body = hasBody(request.raw)
    const refusal = (error: Error): Error => {
      if (error instanceof SignatureError) error.headers['accept-signature'] = verifier.accept(body)
      return error
    }
    // Before the first byte of the body is read.
    const digest = body ? digestOf(request) : undefined
    if (digest !== undefined) holdAgainst(request.raw, digest, refusal)

    verifier.verify(new Incoming(request), body).then(({ key, covered }) => {
      if (!covered.has('"content-digest"')) delete (request.raw as Partial<IncomingMessage>).push
      else if (!body) checkEmpty(request)
      else if (WITHOUT_BODY.includes(request.method)) throw new SignatureError(`A ${request.method} request must have no body`)
      else if (digest === undefined) throw new SignatureError('The request must have a Content-Digest with sha-256 or sha-512')
      request.key = key
    }).then(() => {
      if (permission === undefined || request.key!.permissions.includes(permission)) pass()
      else reply.forbidden(`The key lacks the permission ${permission}`)
    }, error => {
      // What follows is dropped, and no work is due for it.
      delete (request.raw as Partial<IncomingMessage>).push
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

/**
 * Holds the content against its digest as it arrives, whoever reads it, and
 * before anybody decodes it: a reader gets an error in the place of the end.
 */
function holdAgainst (raw: IncomingMessage, digest: ContentDigest, refusal: (error: Error) => Error): void {
  const { push } = raw
  raw.push = function (chunk, encoding) {
    if (chunk !== null) {
      digest.update(chunk)
      return push.call(raw, chunk, encoding)
    }
    delete (raw as Partial<IncomingMessage>).push
    // Where nobody listens, nobody reads it, and it is dropped.
    if (digest.matches() || raw.listenerCount('error') === 0) return push.call(raw, null)
    raw.emit('error', refusal(mismatch()))
    return false
  }
}

// Fields that are dictionaries (RFC 9421 section 2.1.1), as far as requests have them.
const DICTIONARIES = new Set(['accept-signature', 'content-digest', 'priority', 'repr-digest', 'signature', 'signature-input', 'want-content-digest', 'want-repr-digest'])

/** A request of Fastify's, as a signature covers it. */
class Incoming implements SignableRequest {
  readonly #request: FastifyRequest

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
    const value = lines.join(', ')
    if (parameters.size === 0) return value
    if (parameters.size > 1) return undefined
    if (parameters.get('bs') === true) return lines.map(line => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ')
    try {
      if (parameters.get('sf') === true && DICTIONARIES.has(name)) return serializeDictionary(parseDictionary(value))
      const key = parameters.get('key')
      if (typeof key === 'string') return member(parseDictionary(value), key)
    } catch {
      // It is no dictionary, so there is no such value.
    }
    return undefined
  }

  /** Node's own headers leave out some lines of a field that has several. */
  #lines (name: string): string[] {
    const { rawHeaders } = this.#request.raw
    const lines: string[] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i].length === name.length && rawHeaders[i].toLowerCase() === name) lines.push(rawHeaders[i + 1].trim())
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
