import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { throwInvalidOption } from '../invalid-option.js'
import type { ReplayStore } from './replay-store.js'
import { ServiceUnavailable } from '../service-unavailable.js'
import { ALGORITHM, componentValue, signatureBase, type Component, type SignableRequest } from './signature-base.js'
import { serializeMember, type Dictionary, type InnerList, type Item, type Parameters } from './structured-fields.js'
import { LONGEST_TIMEOUT, withTimeLimit } from '../time-limit.js'

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

// A component with more than one has no value, so their order matters for the message alone.
const MOST_PARAMETERS = 8

/**
 * A request whose signatures can be verified.
 *
 * @internal
 */
export interface SignedRequest extends SignableRequest {
  /** The dictionary that a field is; undefined where it is absent or malformed. */
  dictionary (name: string): Dictionary | undefined
}

interface CoveredComponent extends Component {
  /** The identifier with its parameters in alphabetical order, since their order makes no difference (RFC 9421 section 2). */
  key: string
}

interface Signature {
  input: InnerList
  components: CoveredComponent[]
  mac: Uint8Array
  keyId: string
}

/** The value of a component; undefined where the request has none. */
type Values = (component: CoveredComponent) => string | undefined

/** What is known of a request whose signature is good. */
export interface Verified {
  key: VerifiedKey
  /** The identifiers of the components that the signature covers. */
  covered: ReadonlySet<string>
  /** When the signature is too old, in milliseconds since 1970. */
  until: number
  /** What is said once it is too old. */
  tooOld: () => SignatureError
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
    if (typeof keys !== 'function') throwInvalidOption('keys must be a function from the id of a key to the key', typeof keys)
    checkTimeout('keysTimeout', keysTimeout)
    if (!Number.isSafeInteger(maxAge) || maxAge < 1) throwInvalidOption('maxAge must be a positive number of whole seconds', maxAge)
    if (!Number.isSafeInteger(clockSkew) || clockSkew < 0) throwInvalidOption('clockSkew must be a number of whole seconds', clockSkew)
    if (!Array.isArray(required) || !required.every(isComponent)) {
      throwInvalidOption(`required must be an array of field names in lower case and of ${DERIVED.join(', ')}`, required)
    }
    const { store, timeout = 1000 } = replay ?? {} as Partial<Replay>
    if (replay !== undefined && typeof store?.take !== 'function') throwInvalidOption('replay.store must be an object with a method take', typeof store)
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
   * Verifies the signature of a request.
   *
   * @param hasContent whether the components that only content has must be covered
   * @throws {SignatureError} where it is not signed as it must be
   * @throws {NonceReused} if its signature is valid, and its nonce was used before
   * @throws {ServiceUnavailable} if `keys` does not answer in time, and if the store of nonces fails
   */
  async verify (request: SignedRequest, hasContent: boolean): Promise<Verified> {
    const signatures = read(request)
    const valueOf = valuesOf(request)
    const refusals = signatures.map(signature => this.#refusal(signature, hasContent, valueOf))
    const refusal = refusals.find(one => one !== undefined)
    // The keys make no difference to this answer, so nothing is looked up.
    if (refusal !== undefined && refusals.every(one => one?.message === refusal.message)) throw refusal

    // All of them, so that the number of look-ups does not tell which is known.
    // Asynchronous, so that one that throws leaves no promise of another behind.
    const keys = await Promise.all(signatures.map(async ({ keyId }) => await this.#lookUp(keyId)))
    // The first whose key is known decides. Some stores have null for none.
    const known = keys.findIndex(key => key !== undefined && key !== null)
    const deciding = Math.max(known, 0)
    const signature = signatures[deciding]
    const { secrets, permissions } = readKey(keys[known] ?? this.#decoy)
    const base = baseOf(signature, valueOf)

    // Every secret is tried, so that the time does not tell which it was.
    let isValid = false
    for (const secret of secrets) isValid = isMac(signature.mac, secret, base) || isValid
    // Nothing here depends on which of the keys is known.
    if (!isValid || known < 0) throw refusal ?? new SignatureError(NOT_VALID)
    const own = refusals[deciding]
    if (own !== undefined) throw own

    const end = this.#end(signature)
    if (this.#replay !== undefined) {
      // The look-up of the key took time, and the store may forget a nonce as soon as its signature is too old.
      if (Date.now() > end.until) throw end.tooOld()
      // After the MAC, so that nobody without the key can use a nonce up, or learn that it was used.
      if (!await this.#take(signature, this.#replay)) throw new NonceReused()
    }
    return { key: { id: signature.keyId, permissions }, covered: new Set(signature.components.map(({ key }) => key)), ...end }
  }

  async #lookUp (keyId: string): Promise<Key | undefined> {
    const timeout = this.#keysTimeout
    return await withTimeLimit(this.#keys(keyId), timeout, () =>
      new ServiceUnavailable('Keys cannot be looked up for now', { cause: new Error(`keys() did not answer within ${timeout} ms`) }))
  }

  /** Returns the first component that a signature must cover if the request has content, and does not; undefined if there is none. */
  lackOf (covered: ReadonlySet<string>): string | undefined {
    return lackOf(this.#required, covered)
  }

  /** When a signature that is good now is so no more. */
  #end (signature: Signature): Pick<Verified, 'until' | 'tooOld'> {
    const old = parameter(signature, 'created') as number + this.#maxAge
    const expires = parameter(signature, 'expires') as number | undefined ?? Infinity
    return { until: Math.min(old, expires) * 1000, tooOld: expires < old ? expired : () => this.#old() }
  }

  #old (): SignatureError {
    return new SignatureError(`The signature was created more than ${this.#maxAge} seconds ago: sign each request anew, and set the clock`)
  }

  #requiredOf (hasContent: boolean): readonly string[] {
    return hasContent ? this.#required : this.#requiredWithoutBody
  }

  /** What there is to mend about a signature, apart from its MAC. */
  #refusal (signature: Signature, hasContent: boolean, valueOf: Values): SignatureError | undefined {
    try {
      this.#check(signature, hasContent)
      const missing = signature.components.find(component => valueOf(component) === undefined)
      return missing && new SignatureError(`The signature covers ${missing.identifier}, of which the request has no value`)
    } catch (error) {
      return error as SignatureError
    }
  }

  /** Checks all but the values of components and the MAC. */
  #check (signature: Signature, hasContent: boolean): void {
    const { parameters } = signature.input
    const alg = parameter(signature, 'alg')
    if (parameters.has('alg') && alg !== ALGORITHM) throw new SignatureError(`The algorithm of the key is ${ALGORITHM}`)

    const now = Date.now() / 1000
    const created = parameter(signature, 'created')
    if (typeof created !== 'number') throw new SignatureError('The signature must say when it was created')
    if (created > now + this.#clockSkew) throw new SignatureError('The signature was created in the future: set the clock')
    if (created < now - this.#maxAge) throw this.#old()
    const expires = parameter(signature, 'expires')
    if (parameters.has('expires') && typeof expires !== 'number') throw new SignatureError('The signature does not say in seconds when it expires')
    if (typeof expires === 'number' && expires <= now) throw expired()

    if (this.#replay !== undefined) {
      const nonce = parameter(signature, 'nonce')
      if (typeof nonce !== 'string' || nonce === '' || nonce.length > LONGEST_NONCE) {
        throw new SignatureError(`The signature must have a nonce of 1 to ${LONGEST_NONCE} characters`)
      }
    }

    const covered = new Set<string>()
    for (const { name, key } of signature.components) {
      if (name === '' || name !== name.toLowerCase()) throw new SignatureError('The signature covers a component whose name is no text in lower case')
      if (covered.has(key)) throw new SignatureError(`The signature covers ${key} twice`)
      covered.add(key)
    }
    const lack = lackOf(this.#requiredOf(hasContent), covered)
    if (lack !== undefined) throw mustCover(lack)
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
  if (!Number.isSafeInteger(timeout) || timeout < 1) throwInvalidOption(`${name} must be a positive number of milliseconds`, timeout)
  if (timeout > LONGEST_TIMEOUT) throwInvalidOption(`${name} must be at most ${LONGEST_TIMEOUT} milliseconds`, timeout)
}

function isComponent (name: unknown): boolean {
  return typeof name === 'string' && (DERIVED.includes(name) || /^[!#$%&'*+.^`|~\w-]+$/.test(name)) && name === name.toLowerCase()
}

const PLAIN: Parameters = new Map()

/** The signatures that the request has, with the ids of their keys. */
function read (request: SignedRequest): Signature[] {
  for (const name of ['signature-input', 'signature']) {
    if (request.field(name, PLAIN) === undefined) throw new SignatureError('The request is not signed: it must have Signature-Input and Signature')
  }
  const inputs = request.dictionary('signature-input')
  if (inputs === undefined) throw new SignatureError('The Signature-Input field is malformed')
  const macs = request.dictionary('signature')
  if (macs === undefined) throw new SignatureError('The Signature field is malformed')
  const signatures: Array<Omit<Signature, 'components'>> = []
  for (const [label, input] of inputs) {
    const mac = macs.get(label)
    if (mac === undefined) continue
    if (!('items' in input)) throw new SignatureError('The Signature-Input field is malformed')
    if (!('bare' in mac) || !(mac.bare.value instanceof Uint8Array)) throw new SignatureError('The Signature field is malformed')
    const keyId = input.parameters.get('keyid')?.value
    if (typeof keyId === 'string') signatures.push({ input, mac: mac.bare.value, keyId })
  }
  if (signatures.length === 0) throw new SignatureError('The request has no signature with the id of its key: keyid')
  if (signatures.length > MOST_SIGNATURES) throw new SignatureError(`The request has more than ${MOST_SIGNATURES} signatures`)
  const components = signatures.reduce((sum, { input }) => sum + input.items.length, 0)
  if (components > MOST_COMPONENTS) throw new SignatureError(`The signatures cover more than ${MOST_COMPONENTS} components`)
  return signatures.map(signature => ({ ...signature, components: signature.input.items.map(component) }))
}

function component (item: Item): CoveredComponent {
  const { bare, parameters } = item
  return {
    name: typeof bare.value === 'string' ? bare.value : '',
    parameters,
    identifier: serializeMember(item),
    key: serializeMember({ bare, parameters: inOrder(parameters) })
  }
}

function inOrder (parameters: Parameters): Parameters {
  if (parameters.size < 2 || parameters.size > MOST_PARAMETERS) return parameters
  return new Map([...parameters].sort(([a], [b]) => a < b ? -1 : 1))
}

/** Reads each value once, as several signatures can cover one component. */
function valuesOf (request: SignableRequest): Values {
  const values = new Map<string, string | undefined>()
  return component => {
    if (!values.has(component.key)) values.set(component.key, componentValue(request, component))
    return values.get(component.key)
  }
}

/** What a signature signs; empty where a component has no value. */
function baseOf ({ input, components }: Signature, valueOf: Values): string {
  if (components.some(component => valueOf(component) === undefined)) return ''
  return signatureBase(components, serializeMember(input), component => valueOf(component)!)
}

function parameter ({ input }: Signature, name: string): unknown {
  return input.parameters.get(name)?.value
}

function expired (): SignatureError {
  return new SignatureError('The signature has expired')
}

function lackOf (required: readonly string[], covered: ReadonlySet<string>): string | undefined {
  return required.find(name => !covered.has(`"${name}"`))
}

/** The refusal of a signature that does not cover what it must. */
export function mustCover (name: string): SignatureError {
  return new SignatureError(`The signature must cover "${name}"`)
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
