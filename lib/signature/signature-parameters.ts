import { SignatureError } from './errors.js'
import type { SignatureSettings } from './options.js'
import { ALGORITHM } from './signature-base.js'
import { getParameter, type Signature } from './signatures.js'

/** When a signature stops being valid. */
export interface Expiry {
  /** In milliseconds since 1970. */
  readonly validUntilMs: number
  /** Creates the error for a signature that is no longer valid. */
  readonly createExpiredError: () => SignatureError
}

const MAX_NONCE_LENGTH = 256

/**
 * Checks the parameters of a signature (RFC 9421 section 2.3).
 *
 * @throws {SignatureError} if one is missing, malformed, or not valid now
 */
export function checkParameters (signature: Signature, settings: SignatureSettings): void {
  const now = Date.now() / 1000
  checkAlgorithm(signature)
  checkCreated(signature, settings, now)
  checkExpires(signature, now)
  if (settings.replay !== undefined) checkNonce(signature)
}

function checkAlgorithm (signature: Signature): void {
  if (hasParameter(signature, 'alg') && getParameter(signature, 'alg') !== ALGORITHM) throw new SignatureError(`The algorithm of the key is ${ALGORITHM}`)
}

function checkCreated (signature: Signature, { maxAge, clockSkew }: SignatureSettings, now: number): void {
  const created = getParameter(signature, 'created')
  if (typeof created !== 'number') throw new SignatureError('The signature must say when it was created')
  if (created > now + clockSkew) throw new SignatureError('The signature was created in the future: set the clock')
  if (created < now - maxAge) throw createTooOldError(maxAge)
}

function checkExpires (signature: Signature, now: number): void {
  if (!hasParameter(signature, 'expires')) return
  const expires = getParameter(signature, 'expires')
  if (typeof expires !== 'number') throw new SignatureError('The signature does not say in seconds when it expires')
  if (expires <= now) throw createExpiredError()
}

function checkNonce (signature: Signature): void {
  const nonce = getParameter(signature, 'nonce')
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > MAX_NONCE_LENGTH) {
    throw new SignatureError(`The signature must have a nonce of 1 to ${MAX_NONCE_LENGTH} characters`)
  }
}

/** Returns when a signature with valid parameters stops being valid. */
export function getExpiry (signature: Signature, { maxAge }: SignatureSettings): Expiry {
  const tooOld = getCreated(signature) + maxAge
  const expires = getParameter(signature, 'expires') as number | undefined ?? Infinity
  return {
    validUntilMs: Math.min(tooOld, expires) * 1000,
    createExpiredError: expires < tooOld ? createExpiredError : () => createTooOldError(maxAge)
  }
}

/** Returns when a signature with valid parameters was created, in seconds since 1970. */
export function getCreated (signature: Signature): number {
  return getParameter(signature, 'created') as number
}

function hasParameter ({ input }: Signature, name: string): boolean {
  return input.parameters.has(name)
}

function createExpiredError (): SignatureError {
  return new SignatureError('The signature has expired')
}

function createTooOldError (maxAge: number): SignatureError {
  return new SignatureError(`The signature was created more than ${maxAge} seconds ago: sign each request anew, and set the clock`)
}
