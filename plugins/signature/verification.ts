import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { createUncoveredError } from '../../lib/signature/component-list.js'
import { ContentDigest } from '../../lib/signature/content-digest.js'
import { SignatureError } from '../../lib/signature/errors.js'
import { readDictionary } from '../../lib/signature/fields.js'
import type { VerifiedKey } from '../../lib/signature/keys.js'
import type { VerifiedSignature, Verifier } from '../../lib/signature/verifier.js'
import { Content } from './content.js'
import { announcesContent } from './framing.js'
import { allowsContent } from '../../lib/content.js'
import { isIdempotent } from '../reason-phrase/idempotent-routes.js'
import { getPermissions } from '../reason-phrase/permissions.js'
import { SignedFastifyRequest } from './signed-request.js'

// Content-Digest is read before the signature is verified, so limit it. Eight algorithms are registered (RFC 9530 section 5).
const MAX_DIGESTS = 16

/** Thrown if the content of a request does not begin or end in time: 400, because no handler ran. */
class RequestTimeoutError extends Error {
  statusCode = 400

  constructor () {
    super('Request timeout')
  }
}

/** The verification of one request: first its signature, then its content, then the permission of its key. */
export class Verification {
  readonly #verifier: Verifier
  readonly #requestTimeoutMs: number
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #message: SignedFastifyRequest
  readonly #announcesContent: boolean | undefined
  readonly #allowsContent: boolean
  readonly #isKeyed: boolean
  readonly #digest: ContentDigest | undefined
  readonly #content: Content | undefined

  /**
   * Starts to observe the content. Create the verification before the first byte is read.
   *
   * @param requestTimeoutMs how long to wait for content, in milliseconds
   */
  constructor (verifier: Verifier, requestTimeoutMs: number, request: FastifyRequest, reply: FastifyReply) {
    this.#verifier = verifier
    this.#requestTimeoutMs = requestTimeoutMs
    this.#request = request
    this.#reply = reply
    this.#message = new SignedFastifyRequest(request)
    this.#announcesContent = announcesContent(request.raw)
    this.#allowsContent = allowsContent(request.method)
    this.#isKeyed = request.headers['idempotency-key'] !== undefined
    this.#digest = readDigest(this.#message)
    if (this.#announcesContent !== false) {
      this.#content = Content.observe(request, reply, this.#digest, () => this.#createError(createMismatchError()))
    }
  }

  /** Calls `done`, with an error for an invalid request. Sends 403 if the key does not have the permission of the route. */
  run (done: HookHandlerDoneFunction): void {
    this.#verify().then(key => { this.#authorize(key, done) }, error => { this.#reject(error, done) })
  }

  async #verify (): Promise<VerifiedKey> {
    const signature = await this.#verifier.verify(this.#message, {
      hasContent: this.#announcesContent === true && this.#allowsContent,
      isKeyed: this.#isKeyed,
      acceptsCopies: this.#isKeyed && isIdempotent(this.#request.routeOptions.config)
    })
    await this.#verifyContent(signature)
    return signature.key
  }

  async #verifyContent (signature: VerifiedSignature): Promise<void> {
    const uncovered = this.#verifier.findUncovered(signature)
    const isDigestCovered = signature.coversDigest
    const isContentForbidden = uncovered !== undefined || (isDigestCovered && !this.#allowsContent)
    // The signature is valid, so only the holder of a key can make the service wait. It waits only if content matters.
    const hasContent = this.#announcesContent ?? (isContentForbidden ? await this.#waitForContent(signature) : undefined)
    if (hasContent === true) {
      if (isContentForbidden && !this.#allowsContent) throw new SignatureError(`A ${this.#request.method} request must have no body`)
      if (uncovered !== undefined) throw createUncoveredError(uncovered)
    }
    if (!isDigestCovered) this.#content?.release()
    else if (hasContent === false) this.#verifyEmptyContent()
    else if (this.#digest === undefined) throw new SignatureError('The request must have a Content-Digest with sha-256 or sha-512')
  }

  /** Waits for content while the signature is valid, at most until the timeout of the request. */
  async #waitForContent ({ validUntilMs, createExpiredError }: VerifiedSignature): Promise<boolean> {
    const remainingMs = validUntilMs - Date.now()
    const hasContent = await this.#content!.waitForStart(Math.min(remainingMs, this.#requestTimeoutMs))
    if (hasContent === undefined) throw remainingMs < this.#requestTimeoutMs ? createExpiredError() : new RequestTimeoutError()
    return hasContent
  }

  #verifyEmptyContent (): void {
    const matches = this.#content === undefined ? this.#digest?.matches() : this.#content.matches
    if (matches !== true) throw createMismatchError()
  }

  #authorize (key: VerifiedKey, done: HookHandlerDoneFunction): void {
    this.#request.key = key
    const permissions = getPermissions(this.#request.routeOptions.config)
    if (permissions.length === 0 || permissions.some(permission => key.permissions.includes(permission))) {
      done()
      return
    }
    this.#content?.discard()
    this.#reply.forbidden(permissions.length === 1 ? `The key lacks the permission ${permissions[0]}` : `The key needs one of the permissions ${permissions.join(', ')}`)
  }

  #reject (error: unknown, done: HookHandlerDoneFunction): void {
    this.#content?.discard()
    done(this.#createError(error))
  }

  #createError (error: unknown): Error {
    if (error instanceof SignatureError) {
      error.headers['accept-signature'] = this.#verifier.createAcceptSignature({ hasContent: this.#announcesContent ?? this.#allowsContent, isKeyed: this.#isKeyed })
    }
    // Fastify would ignore a falsy error.
    return error instanceof Error ? error : new Error('fastify-reason-phrase: keys() of signature has thrown a value that is not an Error. Throw an Error', { cause: error })
  }
}

function createMismatchError (): SignatureError {
  return new SignatureError('The Content-Digest does not match the body')
}

function readDigest (message: SignedFastifyRequest): ContentDigest | undefined {
  const value = message.value('content-digest')
  if (value === undefined) return undefined
  return ContentDigest.fromCommonForm(value) ?? ContentDigest.fromField(readDictionary(value, MAX_DIGESTS))
}
