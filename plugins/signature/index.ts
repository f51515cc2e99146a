import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import { ContentDigest } from '../../lib/signature/content-digest.js'
import { Fields } from '../../lib/signature/fields.js'
import { QueryParameters } from '../../lib/signature/query-parameters.js'
import { mustCover, SignatureError, Verifier, type SignatureOptions, type SignedRequest, type VerifiedKey } from '../../lib/signature/verifier.js'
import { originForm } from '../../lib/signature/signature-base.js'
import { serializeDictionary, serializeMember, type Dictionary, type Parameters } from '../../lib/signature/structured-fields.js'
import { checkContent, Content, expectsContent } from './content.js'
import { kVerify, type Verifying } from '../reason-phrase/permissions.js'

export { memoryStore, redisStore, type RedisClient, type ReplayStore } from '../../lib/signature/replay-store.js'
export type { Key, Secret, SignatureOptions, VerifiedKey } from '../../lib/signature/verifier.js'
// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from '../reason-phrase/permissions.js'

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

  // Over HTTP/1.1, Node itself sees to this. No timer can be longer than the default.
  const requestTimeout = (app.initialConfig as { requestTimeout: number }).requestTimeout || 2 ** 31 - 1

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
    const incoming = new Incoming(request)
    const expected = expectsContent(request.raw)
    const isBodyless = WITHOUT_BODY.includes(request.method)
    const refusal = (error: unknown): Error => {
      if (error instanceof SignatureError) error.headers['accept-signature'] = verifier.accept(expected ?? !isBodyless)
      // Fastify takes what is falsy for no error.
      return error instanceof Error ? error : new Error('fastify-reason-phrase: the keys could not be looked up', { cause: error })
    }
    const digest = ContentDigest.of(incoming.dictionary('content-digest'))
    // Before the first byte of the content is read.
    const content = expected === false ? undefined : new Content(request, reply, digest, () => refusal(mismatch()))

    admit().then(key => {
      request.key = key
      if (permission === undefined || key.permissions.includes(permission)) pass()
      else {
        content?.drop()
        reply.forbidden(`The key lacks the permission ${permission}`)
      }
    }, error => {
      content?.drop()
      pass(refusal(error))
    })

    async function admit (): Promise<VerifiedKey> {
      const { key, covered, until, tooOld } = await verifier.verify(incoming, expected === true && !isBodyless)
      const isCovered = coversDigest(covered)
      const lack = verifier.lackOf(covered)
      let isPresent = expected
      // Whether there is content makes a difference here, and only a holder of a key can have the service wait for it.
      if (isPresent === undefined && (lack !== undefined || (isBodyless && isCovered))) {
        const rest = until - Date.now()
        isPresent = await content!.begins(Math.min(rest, requestTimeout))
        if (isPresent === undefined) throw rest < requestTimeout ? tooOld() : new RequestTimeout()
      }
      if (isPresent === true && isBodyless && (isCovered || lack !== undefined)) throw new SignatureError(`A ${request.method} request must have no body`)
      if (isPresent === true && lack !== undefined) throw mustCover(lack)
      if (!isCovered) content?.release()
      else if (isPresent === false) checkEmpty(content === undefined ? digest?.matches() : content.matches)
      else if (digest === undefined) throw new SignatureError('The request must have a Content-Digest with sha-256 or sha-512')
      return key
    }
  }
}

/** The request did not end in time; no handler began. */
class RequestTimeout extends Error {
  statusCode = 400
  constructor () {
    super('Request timeout')
  }
}

function checkEmpty (matches: boolean | undefined): void {
  if (matches !== true) throw mismatch()
}

function mismatch (): SignatureError {
  return new SignatureError('The Content-Digest does not match the body')
}

function coversDigest (covered: ReadonlySet<string>): boolean {
  for (const identifier of covered) if (identifier.startsWith('"content-digest"')) return true
  return false
}

// Fields that are dictionaries (RFC 9421 section 2.1.1), as far as requests have them.
const DICTIONARIES = new Set(['accept-signature', 'content-digest', 'priority', 'repr-digest', 'signature', 'signature-input', 'want-content-digest', 'want-repr-digest'])

/** A request of Fastify's, as a signature covers it. */
class Incoming implements SignedRequest {
  readonly #request: FastifyRequest
  readonly #fields: Fields
  #query: QueryParameters | undefined

  constructor (request: FastifyRequest) {
    this.#request = request
    this.#fields = new Fields(request.raw.rawHeaders)
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

  queryParameter (name: string): string | undefined {
    this.#query ??= new QueryParameters(originForm(this.target).query.slice(1))
    return this.#query.get(name)
  }

  dictionary (name: string): Dictionary | undefined {
    return this.#fields.dictionary(name)
  }

  field (name: string, parameters: Parameters): string | undefined {
    if (parameters.size === 0) return this.#fields.value(name)
    if (parameters.size > 1) return undefined
    if (parameters.get('bs')?.value === true) {
      const lines = this.#fields.lines(name)
      return lines.length === 0 ? undefined : lines.map(line => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ')
    }
    const key = parameters.get('key')?.value
    const isStrict = parameters.get('sf')?.value === true && DICTIONARIES.has(name)
    if (typeof key !== 'string' && !isStrict) return undefined
    const dictionary = this.dictionary(name)
    if (typeof key !== 'string') return dictionary && serializeDictionary(dictionary)
    const member = dictionary?.get(key)
    return member && serializeMember(member)
  }
}

/**
 * The Fastify plugin that answers 401 to a request that is not signed as it
 * must be (HTTP Message Signatures, RFC 9421, with hmac-sha256, and
 * Content-Digest, RFC 9530), and 403 where the key of a request lacks the
 * permission of its route.
 */
export default fp(signature, { fastify: '5.x', name: 'fastify-reason-phrase/signature', dependencies: ['fastify-reason-phrase'] })
