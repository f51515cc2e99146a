import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { parseDictionary, serializeItem, type InnerList } from 'structured-headers'
import { refuse } from './refuse.js'
import type { ReplayStore } from './replay-store.js'
import { ServiceUnavailable } from './service-unavailable.js'
import { ALGORITHM, signatureBase, type SignableRequest } from './signature-base.js'
import { LONGEST_TIMEOUT, withTimeLimit } from './time-limit.js'

/** A secret: bytes, or a text, which stands for its UTF-8. */
export type Secret = string | Uint8Array

/** What a service knows of a key. */
export interface Key {
  /** Its secret, or several while one takes the place of another. */
  secret: Secret | Secret[]
  /** What its holder may do, as routes name it. */
  permissions: readonly string[]
}

/** The key that a request was signed with. */
export interface VerifiedKey {
  id: string
  permissions: readonly string[]
}

/** What a service asks of signatures. */
export interface SignatureOptions {
  /** The key of an id; undefined where there is none. What it throws is the answer's error. */
  keys: (keyId: string) => Key | undefined | Promise<Key | undefined>
  /** How long `keys` can take, in milliseconds, before the answer is 503 with `Retry-After`. Default: 1000. */
  keysTimeout?: number | undefined
  /** How old a signature can be, in seconds. Default: 300. */
  maxAge?: number | undefined
  /** How far ahead of ours a signer's clock can be, in seconds. Default: 30. */
  clockSkew?: number | undefined
  /**
   * The components that must be covered; those that begin with `content-`
   * only where there is a body. Default: `@method`, `@path`, `@query` and
   * `content-digest`.
   */
  required?: string[] | undefined
  /**
   * Requires a nonce of each request, and accepts each nonce once. A nonce that
   * was used before is answered 503 without `Retry-After`, because the request
   * may have been processed. Default: nonces are not checked.
   */
  replay?: {
    store: ReplayStore
    /** How long the store can take, in milliseconds, before the answer is 503 with `Retry-After`. Default: 1000. */
    timeout?: number | undefined
  } | undefined
}

type Replay = Required<NonNullable<SignatureOptions['replay']>>

/** The request is not signed as it must be; the message says what to mend. */
export class SignatureError extends Error {
  statusCode = 401
  headers: Record<string, string> = {}
}

/**
 * Reports that the nonce of a valid signature was used before. The request was
 * received before, and may have been processed: a 4xx would say that nothing
 * happened. There is no `Retry-After`, because the same request can never pass.
 */
export class NonceReused extends Error {
  statusCode = 503
  expose = true

  constructor () {
    super('The nonce was used before, so this request may have been processed')
  }
}

// One request can try so many keys. Proxies add one signature or two.
const MOST_SIGNATURES = 8

// What all of them can cover together: each component can cost a look at the whole header section, with a key or without.
const MOST_COMPONENTS = 32

const LONGEST_NONCE = 256

// The one message for a key that is unknown and for a MAC that is wrong.
const NOT_VALID = 'The key or the signature is not valid'

// RFC 9421 section 2.2, of requests.
const DERIVED = ['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query']

interface Signature {
  input: InnerList
  mac: Uint8Array
  keyId: string
}

interface Examined {
  /** What the signature signs; empty where a component has no value. */
  base: string
  covered: Set<string>
  /** What there is to mend, apart from the MAC. */
  refusal: Error | undefined
}

/**
 * Verifies the signatures of requests (RFC 9421 section 3.2), as one service asks for them.
 *
 * @internal
 */
export class Verifier {
  readonly #keys: SignatureOptions['keys']
  readonly #keysTimeout: number
  readonly #maxAge: number
  readonly #clockSkew: number
  readonly #required: readonly string[]
  readonly #requiredWithoutBody: readonly string[]
  readonly #replay: Replay | undefined
  // An unknown key costs a MAC like any other.
  readonly #decoy: Key = { secret: randomBytes(32), permissions: [] }

  /** @throws {TypeError} for an option that is missing, unknown, of the wrong type, or cannot work */
  constructor (options: SignatureOptions) {
    const { keys, keysTimeout = 1000, maxAge = 300, clockSkew = 30, required = ['@method', '@path', '@query', 'content-digest'], replay, ...unknown } = options
    const [stranger] = Object.keys(unknown)
    if (stranger !== undefined) throw new TypeError(`fastify-reason-phrase: unknown option "${stranger}" of signature, known are keys, keysTimeout, maxAge, clockSkew, required and replay`)
    if (typeof keys !== 'function') refuse('keys must be a function from the id of a key to the key', typeof keys)
    checkTimeout('keysTimeout', keysTimeout)
    if (!Number.isSafeInteger(maxAge) || maxAge < 1) refuse('maxAge must be a positive number of whole seconds', maxAge)
    if (!Number.isSafeInteger(clockSkew) || clockSkew < 0) refuse('clockSkew must be a number of whole seconds', clockSkew)
    if (!Array.isArray(required) || !required.every(isComponent)) {
      refuse(`required must be an array of field names in lower case and of ${DERIVED.join(', ')}`, required)
    }
    const { store, timeout = 1000 } = replay ?? {} as Partial<Replay>
    if (replay !== undefined && typeof store?.take !== 'function') refuse('replay.store must be an object with a method take', typeof store)
    checkTimeout('replay.timeout', timeout)

    this.#keys = keys
    this.#keysTimeout = keysTimeout
    this.#maxAge = maxAge
    this.#clockSkew = clockSkew
    this.#required = required
    this.#requiredWithoutBody = required.filter(name => !name.startsWith('content-'))
    this.#replay = store && { store, timeout }
  }

  /** The value of an `Accept-Signature` field (RFC 9421 section 5.1) that says what to sign. */
  accept (hasBody: boolean): string {
    const components = this.#requiredOf(hasBody).map(name => `"${name}"`).join(' ')
    const nonce = this.#replay === undefined ? '' : `;nonce="${randomBytes(16).toString('base64url')}"`
    return `sig1=(${components});created${nonce};alg="${ALGORITHM}"`
  }

  /**
   * The key that a request was signed with, and the components that the
   * signature covers.
   *
   * @throws {SignatureError} where it is not signed as it must be
   * @throws {NonceReused} if its signature is valid, and its nonce was used before
   * @throws {ServiceUnavailable} if `keys` does not answer in time, and if the store of nonces fails
   */
  async verify (request: SignableRequest, hasBody: boolean): Promise<{ key: VerifiedKey, covered: ReadonlySet<string> }> {
    const signatures = read(request)
    // All of them, so that the number of look-ups does not tell which is known.
    // Asynchronous, so that one that throws leaves no promise of another behind.
    const keys = await Promise.all(signatures.map(async ({ keyId }) => await this.#lookUp(keyId)))
    // The first whose key is known decides. Some stores have null for none.
    const known = keys.findIndex(key => key !== undefined && key !== null)
    const signature = signatures[Math.max(known, 0)]
    const { secrets, permissions } = readKey(keys[known] ?? this.#decoy)
    const examined = signatures.map(candidate => this.#examine(request, candidate, hasBody))
    const { base, covered, refusal } = examined[Math.max(known, 0)]

    // Every secret is tried, so that the time does not tell which it was.
    let isValid = false
    for (const secret of secrets) isValid = isMac(signature.mac, secret, base) || isValid
    if (!isValid || known < 0) {
      // Nothing here depends on which of the keys is known.
      throw examined.find(({ refusal }) => refusal !== undefined)?.refusal ?? new SignatureError(NOT_VALID)
    }
    if (refusal !== undefined) throw refusal

    // After the MAC, so that nobody without the key can use a nonce up, or learn that it was used.
    if (this.#replay !== undefined && !await this.#take(signature, this.#replay)) throw new NonceReused()
    return { key: { id: signature.keyId, permissions }, covered }
  }

  async #lookUp (keyId: string): Promise<Key | undefined> {
    const timeout = this.#keysTimeout
    return await withTimeLimit(this.#keys(keyId), timeout, () =>
      new ServiceUnavailable('Keys cannot be looked up for now', { cause: new Error(`keys() did not answer within ${timeout} ms`) }))
  }

  #requiredOf (hasBody: boolean): readonly string[] {
    return hasBody ? this.#required : this.#requiredWithoutBody
  }

  /** What a signature signs, and what it should have otherwise. */
  #examine (request: SignableRequest, signature: Signature, hasBody: boolean): Examined {
    const examined: Examined = { base: '', covered: new Set(), refusal: undefined }
    try {
      this.#check(signature, hasBody, examined.covered)
    } catch (error) {
      examined.refusal = error as Error
    }
    try {
      examined.base = signatureBase(request, signature.input, component => {
        throw new SignatureError(`The signature covers ${component}, of which the request has no value`)
      })
    } catch (error) {
      examined.refusal ??= error as Error
    }
    return examined
  }

  /** Checks all but the MAC, and collects what is covered. */
  #check (signature: Signature, hasBody: boolean, covered: Set<string>): void {
    const alg = parameter(signature, 'alg')
    if (alg !== undefined && alg !== ALGORITHM) throw new SignatureError(`The algorithm of the key is ${ALGORITHM}`)

    const now = Date.now() / 1000
    const created = parameter(signature, 'created')
    if (!Number.isInteger(created)) throw new SignatureError('The signature must say when it was created')
    if (created as number > now + this.#clockSkew) throw new SignatureError('The signature was created in the future: set the clock')
    if (created as number < now - this.#maxAge) throw new SignatureError(`The signature was created more than ${this.#maxAge} seconds ago: sign each request anew, and set the clock`)
    const expires = parameter(signature, 'expires')
    if (expires !== undefined && !Number.isInteger(expires)) throw new SignatureError('The signature does not say in seconds when it expires')
    if (expires !== undefined && expires as number <= now) throw new SignatureError('The signature has expired')

    if (this.#replay !== undefined) {
      const nonce = parameter(signature, 'nonce')
      if (typeof nonce !== 'string' || nonce === '' || nonce.length > LONGEST_NONCE) {
        throw new SignatureError(`The signature must have a nonce of 1 to ${LONGEST_NONCE} characters`)
      }
    }

    for (const [name, parameters] of signature.input[0]) {
      if (typeof name !== 'string' || name !== name.toLowerCase()) throw new SignatureError('The signature covers a component whose name is no text in lower case')
      // The order of parameters makes no difference (RFC 9421 section 2).
      const identifier = serializeItem([name, new Map([...parameters].sort(([a], [b]) => a < b ? -1 : 1))])
      if (covered.has(identifier)) throw new SignatureError(`The signature covers ${identifier} twice`)
      covered.add(identifier)
    }
    for (const name of this.#requiredOf(hasBody)) {
      if (!covered.has(`"${name}"`)) throw new SignatureError(`The signature must cover "${name}"`)
    }
  }

  async #take (signature: Signature, { store, timeout }: Replay): Promise<boolean> {
    const { keyId } = signature
    try {
      const taken = await withTimeLimit(
        store.take(
          `${keyId.length}:${keyId}:${parameter(signature, 'nonce')}`,
          // A second more, since clocks do not agree to the millisecond.
          this.#maxAge + this.#clockSkew + 1,
          parameter(signature, 'created') as number + this.#maxAge + 1
        ),
        timeout,
        () => new Error(`The store of nonces did not answer within ${timeout} ms`)
      )
      if (typeof taken !== 'boolean') throw new TypeError('The store of nonces must answer true or false')
      return taken
    } catch (error) {
      throw new ServiceUnavailable('Nonces cannot be looked up for now', { cause: error })
    }
  }
}

function checkTimeout (name: string, timeout: number): void {
  if (!Number.isSafeInteger(timeout) || timeout < 1) refuse(`${name} must be a positive number of milliseconds`, timeout)
  if (timeout > LONGEST_TIMEOUT) refuse(`${name} must be at most ${LONGEST_TIMEOUT} milliseconds`, timeout)
}

function isComponent (name: unknown): boolean {
  return typeof name === 'string' && (DERIVED.includes(name) || /^[!#$%&'*+.^`|~\w-]+$/.test(name)) && name === name.toLowerCase()
}

/** The signatures that the request has, with the ids of their keys. */
function read (request: SignableRequest): Signature[] {
  const inputs = dictionary(request, 'Signature-Input')
  const macs = dictionary(request, 'Signature')
  if (inputs === undefined || macs === undefined) throw new SignatureError('The request is not signed: it must have Signature-Input and Signature')
  const signatures: Signature[] = []
  for (const [label, input] of inputs) {
    const [mac] = macs.get(label) ?? []
    if (mac === undefined) continue
    if (!Array.isArray(input[0])) throw new SignatureError('The Signature-Input field is malformed')
    if (!(mac instanceof ArrayBuffer)) throw new SignatureError('The Signature field is malformed')
    const keyId = input[1].get('keyid')
    if (typeof keyId === 'string') signatures.push({ input: input as InnerList, mac: new Uint8Array(mac), keyId })
  }
  if (signatures.length === 0) throw new SignatureError('The request has no signature with the id of its key: keyid')
  if (signatures.length > MOST_SIGNATURES) throw new SignatureError(`The request has more than ${MOST_SIGNATURES} signatures`)
  const components = signatures.reduce((sum, { input }) => sum + input[0].length, 0)
  if (components > MOST_COMPONENTS) throw new SignatureError(`The signatures cover more than ${MOST_COMPONENTS} components`)
  return signatures
}

const PLAIN = new Map()

function dictionary (request: SignableRequest, name: string): ReturnType<typeof parseDictionary> | undefined {
  const field = request.field(name.toLowerCase(), PLAIN)
  if (field === undefined) return undefined
  try {
    return parseDictionary(field)
  } catch {
    throw new SignatureError(`The ${name} field is malformed`)
  }
}

function parameter ({ input }: Signature, name: string): unknown {
  return input[1].get(name)
}

/** Reads each property of a key once, since it can be a getter. */
function readKey ({ secret, permissions }: Key): { secrets: Secret[], permissions: readonly string[] } {
  const secrets = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0 || !secrets.every(isSecret) || !Array.isArray(permissions)) {
    throw new TypeError('fastify-reason-phrase: keys() must return { secret, permissions }: a text or bytes, or several of them, and an array')
  }
  return { secrets, permissions }
}

function isSecret (secret: unknown): boolean {
  return (typeof secret === 'string' || secret instanceof Uint8Array) && secret.length > 0
}

function isMac (mac: Uint8Array, secret: Secret, base: string): boolean {
  // Field values are bytes, which Node has as latin1.
  const expected = createHmac('sha256', secret).update(base, 'latin1').digest()
  return mac.length === expected.length && timingSafeEqual(mac, expected)
}
