import { randomBytes } from 'node:crypto'
import { findUncovered, KnownLists } from './component-list.js'
import { ComponentValues } from './components.js'
import { NonceReusedError, SignatureError } from './errors.js'
import { lookUpKey, readKey, verifyMac, type Key, type VerifiedKey } from './keys.js'
import { takeNonce } from './nonces.js'
import { resolveOptions, type SignatureAge, type SignatureOptions, type SignatureSettings } from './options.js'
import { ALGORITHM } from './signature-base.js'
import { checkParameters, getExpiry, type Expiry } from './signature-parameters.js'
import { parseSignatures, type Signature, type SignedRequest } from './signatures.js'

// One message for an unknown key and for a wrong MAC, so that clients cannot find out which keys exist.
const NOT_VALID = 'The key or the signature is not valid'

/** A valid signature of a request. */
export interface VerifiedSignature extends Expiry {
  readonly key: VerifiedKey
  /** The identifiers of the components that the signature covers. */
  readonly covered: ReadonlySet<string>
  readonly coversDigest: boolean
}

/** The properties of a request that decide what its signature must cover. */
export interface RequestTraits {
  /** Whether the components that only content has must be covered. */
  readonly hasContent: boolean
  /** Whether the request has the field `Idempotency-Key`. If it has, the field must be covered. */
  readonly isKeyed: boolean
}

/** How a request is verified. */
export interface VerifyOptions extends RequestTraits {
  /** Whether a copy of a request may pass, because its idempotency key keeps the copy from having an effect. */
  readonly acceptsCopies: boolean
}

/** The identifiers of the components that must be covered. */
interface Required {
  readonly withContent: readonly string[]
  readonly withoutContent: readonly string[]
}

/** Verifies the signatures of requests (RFC 9421 section 3.2) by the options of a service. */
export class Verifier {
  readonly #settings: SignatureSettings
  readonly #required: Required
  readonly #requiredWithKey: Required
  readonly #lists = new KnownLists()
  // Replaces an unknown key, so that its verification takes as long as that of a known key.
  readonly #decoy: Key = { secret: randomBytes(32), permissions: [] }

  /** @throws {TypeError} if an option is missing, unknown, of the wrong type, or out of range */
  constructor (options: SignatureOptions) {
    this.#settings = resolveOptions(options)
    const { required } = this.#settings
    this.#required = createRequired(required)
    this.#requiredWithKey = createRequired([...new Set([...required, 'idempotency-key'])])
  }

  /** The age of the signatures that are accepted. */
  get signatureAge (): SignatureAge {
    const { maxAge, clockSkew } = this.#settings
    return { maxAge, clockSkew }
  }

  /** Returns the value of an `Accept-Signature` field (RFC 9421 section 5.1), which says what to sign. */
  createAcceptSignature (traits: RequestTraits): string {
    const nonce = this.#settings.replay === undefined ? '' : `;nonce="${randomBytes(16).toString('base64url')}"`
    return `sig1=(${this.#getRequired(traits).join(' ')});created${nonce};alg="${ALGORITHM}"`
  }

  /** Returns the first uncovered component of those that a request with content must cover; undefined if all are covered. */
  findUncovered ({ covered }: VerifiedSignature): string | undefined {
    return findUncovered(this.#required.withContent, covered)
  }

  /**
   * Verifies the signatures of a request. With several signatures, the first one with a known key is used.
   *
   * @throws {SignatureError} if the request is not signed, or if its signature is not valid
   * @throws {NonceReusedError} if the signature is valid, its nonce was used before, and no copies are accepted
   * @throws {ServiceUnavailable} if `keys` does not settle in time, or if the store of nonces fails
   */
  async verify (request: SignedRequest, options: VerifyOptions): Promise<VerifiedSignature> {
    const signatures = parseSignatures(request, this.#lists)
    const values = new ComponentValues(request)
    const errors = signatures.map(signature => this.#findError(signature, values, options))
    const firstError = errors.find(error => error !== undefined)
    // Every key would lead to this same response, so no key is looked up.
    if (firstError !== undefined && errors.every(error => error?.message === firstError.message)) throw firstError

    const keys = signatures.length === 1 ? [await lookUpKey(signatures[0].parameters.keyid, this.#settings)] : await this.#lookUpKeys(signatures)
    // The first signature decides if no key is known.
    const index = Math.max(0, keys.findIndex(key => key !== undefined))
    const signature = signatures[index]
    const key = keys[index]
    const { secrets, permissions } = readKey(key ?? this.#decoy)
    const isValid = verifyMac(signature.mac, secrets, values.createSignatureBase(signature))
    // This response must not depend on which of the keys is known.
    if (!isValid || key === undefined) throw firstError ?? new SignatureError(NOT_VALID)
    const error = errors[index]
    if (error !== undefined) throw error

    const { list, parameters } = signature
    this.#lists.add(list)
    const expiry = getExpiry(parameters, this.#settings)
    if (this.#settings.replay !== undefined) {
      // The look-up of the key took time, and the store may forget a nonce as soon as its signature has expired.
      if (Date.now() > expiry.validUntilMs) throw expiry.createExpiredError()
      // The nonce is taken after the MAC was verified, so that nobody without the key can use a nonce up, or learn that it was
      // used. It is also taken for a copy that is accepted, so that no other route accepts the copy.
      const isNew = await takeNonce(parameters, this.#settings.replay, this.#settings)
      if (!isNew && !options.acceptsCopies) throw new NonceReusedError()
    }
    return { key: { id: parameters.keyid, permissions }, covered: list.covered, coversDigest: list.coversDigest, ...expiry }
  }

  /** Returns what is wrong with a signature apart from its MAC; undefined if nothing is. */
  #findError ({ parameters, list }: Signature, values: ComponentValues, traits: RequestTraits): SignatureError | undefined {
    try {
      checkParameters(parameters, this.#settings)
      list.check(this.#getRequired(traits))
      values.check(list)
      return undefined
    } catch (error) {
      return error as SignatureError
    }
  }

  /** Looks up all keys, so that the number of look-ups does not tell which one is known. */
  async #lookUpKeys (signatures: readonly Signature[]): Promise<Array<Key | undefined>> {
    // The function is asynchronous, so that a look-up that throws does not leave the promise of another without a handler.
    return await Promise.all(signatures.map(async ({ parameters }) => await lookUpKey(parameters.keyid, this.#settings)))
  }

  #getRequired ({ hasContent, isKeyed }: RequestTraits): readonly string[] {
    const { withContent, withoutContent } = isKeyed ? this.#requiredWithKey : this.#required
    return hasContent ? withContent : withoutContent
  }
}

function createRequired (names: readonly string[]): Required {
  const withContent = names.map(name => `"${name}"`)
  return { withContent, withoutContent: withContent.filter(identifier => !identifier.startsWith('"content-')) }
}
