import { SignatureError } from './errors.js'
import type { SignatureSettings } from './options.js'
import { ALGORITHM } from './signature-base.js'
import type { BareItem, Parameters } from './structured-fields.js'

/** The value of a parameter; undefined if the parameter is absent, null if its type is wrong for every parameter below. */
type ParameterValue = BareItem['value'] | null

/** The parameters of a signature that names its key (RFC 9421 section 2.3). */
export interface SignatureParameters {
  readonly keyid: string
  readonly created: ParameterValue
  readonly expires: ParameterValue
  readonly nonce: ParameterValue
  readonly alg: ParameterValue
}

/** When a signature stops being valid. */
export interface Expiry {
  /** In milliseconds since 1970. */
  readonly validUntilMs: number
  /** Creates the error for a signature that is no longer valid. */
  readonly createExpiredError: () => SignatureError
}

const MAX_NONCE_LENGTH = 256

/** Reads the parameters of a signature; returns undefined if the signature does not name its key. */
export function readParameters (parameters: Parameters): SignatureParameters | undefined {
  const [keyid, created, expires, nonce, alg] = ['keyid', 'created', 'expires', 'nonce', 'alg'].map(name => {
    const parameter = parameters.get(name)
    return parameter === undefined ? undefined : parameter.value ?? null
  })
  return typeof keyid === 'string' ? { keyid, created, expires, nonce, alg } : undefined
}

/**
 * Checks the parameters of a signature (RFC 9421 section 2.3).
 *
 * @throws {SignatureError} if one is missing, malformed, or not valid now
 */
export function checkParameters ({ alg, created, expires, nonce }: SignatureParameters, settings: SignatureSettings): void {
  const now = Date.now() / 1000
  if (alg !== undefined && alg !== ALGORITHM) throw new SignatureError(`The algorithm of the key is ${ALGORITHM}`)
  checkCreated(created, settings, now)
  checkExpires(expires, now)
  if (settings.replay !== undefined) checkNonce(nonce)
}

function checkCreated (created: ParameterValue, { maxAge, clockSkew }: SignatureSettings, now: number): void {
  if (typeof created !== 'number') throw new SignatureError('The signature must have the parameter created, in whole seconds since 1970')
  if (created > now + clockSkew) throw new SignatureError('The signature was created in the future: set the clock')
  if (created < now - maxAge) throw createTooOldError(maxAge)
}

function checkExpires (expires: ParameterValue, now: number): void {
  if (expires === undefined) return
  if (typeof expires !== 'number') throw new SignatureError('The parameter expires of the signature must be in whole seconds since 1970')
  if (expires <= now) throw createExpiredError()
}

function checkNonce (nonce: ParameterValue): void {
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > MAX_NONCE_LENGTH) {
    throw new SignatureError(`The signature must have a nonce of 1 to ${MAX_NONCE_LENGTH} characters`)
  }
}

/** Returns when a signature with valid parameters stops being valid. */
export function getExpiry ({ created, expires }: SignatureParameters, { maxAge }: SignatureSettings): Expiry {
  const tooOld = created as number + maxAge
  const expiry = expires as number | undefined ?? Infinity
  return {
    validUntilMs: Math.min(tooOld, expiry) * 1000,
    createExpiredError: expiry < tooOld ? createExpiredError : () => createTooOldError(maxAge)
  }
}

function createExpiredError (): SignatureError {
  return new SignatureError('The signature has expired')
}

function createTooOldError (maxAge: number): SignatureError {
  return new SignatureError(`The signature was created more than ${maxAge} seconds ago: sign each request when you send it, and set the clock`)
}
