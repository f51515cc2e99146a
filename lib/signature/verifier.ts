import { randomBytes } from 'node:crypto'
import { checkComponents, ComponentValues, findUncovered } from './components.js'
import { SignatureError } from './errors.js'
import { lookUpKey, readKey, verifyMac, type Key, type VerifiedKey } from './keys.js'
import { consumeNonce } from './nonces.js'
import { resolveOptions, type SignatureOptions, type SignatureSettings } from './options.js'
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
}

/**
 * Verifies the signatures of requests (RFC 9421 section 3.2) by the options of a service.
 *
 * @internal
 */
export class Verifier {
  readonly #settings: SignatureSettings
  readonly #requiredWithoutContent: readonly string[]
  // Takes the place of an unknown key, so that an unknown key takes as long as a known one.
  readonly #decoy: Key = { secret: randomBytes(32), permissions: [] }

  /** @throws {TypeError} if an option is missing, unknown, of the wrong type, or out of range */
  constructor (options: SignatureOptions) {
    this.#settings = resolveOptions(options)
    this.#requiredWithoutContent = this.#settings.required.filter(name => !name.startsWith('content-'))
  }

  /** Returns the value of an `Accept-Signature` field (RFC 9421 section 5.1), which says what to sign. */
  createAcceptSignature (hasContent: boolean): string {
    const components = this.#getRequired(hasContent).map(name => `"${name}"`).join(' ')
    const nonce = this.#settings.replay === undefined ? '' : `;nonce="${randomBytes(16).toString('base64url')}"`
    return `sig1=(${components});created${nonce};alg="${ALGORITHM}"`
  }

  /** Returns the first component that is required of a request with content, and is not covered; undefined if all are covered. */
  findUncovered (covered: ReadonlySet<string>): string | undefined {
    return findUncovered(this.#settings.required, covered)
  }

  /**
   * Verifies the signatures of a request. Of several signatures, the first one with a known key is used.
   *
   * @param hasContent whether the components that only content has must be covered
   * @throws {SignatureError} if the request is not signed, or if its signature is not valid
   * @throws {NonceReusedError} if the signature is valid, and its nonce was used before
   * @throws {ServiceUnavailable} if `keys` does not answer in time, or if the store of nonces fails
   */
  async verify (request: SignedRequest, hasContent: boolean): Promise<VerifiedSignature> {
    const signatures = parseSignatures(request)
    const values = new ComponentValues(request)
    const errors = signatures.map(signature => this.#findError(signature, values, hasContent))
    const firstError = errors.find(error => error !== undefined)
    // Every key would lead to this same response, so no key is looked up.
    if (firstError !== undefined && errors.every(error => error?.message === firstError.message)) throw firstError

    const { index, key } = await this.#findKey(signatures)
    const signature = signatures[index]
    const { secrets, permissions } = readKey(key ?? this.#decoy)
    const isValid = verifyMac(signature.mac, secrets, values.createSignatureBase(signature))
    // This response must not depend on which of the keys is known.
    if (!isValid || key === undefined) throw firstError ?? new SignatureError(NOT_VALID)
    const error = errors[index]
    if (error !== undefined) throw error

    const expiry = getExpiry(signature, this.#settings)
    await this.#checkReplay(signature, expiry)
    return { key: { id: signature.keyId, permissions }, covered: new Set(signature.components.map(({ key }) => key)), ...expiry }
  }

  /** Returns what is wrong with a signature apart from its MAC; undefined if nothing is. */
  #findError (signature: Signature, values: ComponentValues, hasContent: boolean): SignatureError | undefined {
    try {
      checkParameters(signature, this.#settings)
      checkComponents(signature, this.#getRequired(hasContent))
      values.check(signature)
      return undefined
    } catch (error) {
      return error as SignatureError
    }
  }

  /** Returns the first key that is known, with the index of its signature; the first signature without a key if none is known. */
  async #findKey (signatures: readonly Signature[]): Promise<{ index: number, key: Key | undefined }> {
    // All keys are looked up, so that the number of look-ups does not tell which one is known.
    // The function is asynchronous, so that one that throws does not leave the promise of another without a handler.
    const keys = await Promise.all(signatures.map(async ({ keyId }) => await lookUpKey(keyId, this.#settings)))
    const index = keys.findIndex(key => key !== undefined)
    return index < 0 ? { index: 0, key: undefined } : { index, key: keys[index] }
  }

  async #checkReplay (signature: Signature, { validUntilMs, createExpiredError }: Expiry): Promise<void> {
    const { replay } = this.#settings
    if (replay === undefined) return
    // The look-up of the key took time, and the store may forget a nonce as soon as its signature has expired.
    if (Date.now() > validUntilMs) throw createExpiredError()
    // The MAC was verified before, so that nobody without the key can use a nonce up, or learn that it was used.
    await consumeNonce(signature, replay, this.#settings)
  }

  #getRequired (hasContent: boolean): readonly string[] {
    return hasContent ? this.#settings.required : this.#requiredWithoutContent
  }
}
