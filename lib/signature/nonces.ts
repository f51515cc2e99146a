import { NonceReusedError } from './errors.js'
import { ServiceUnavailable } from '../service-unavailable.js'
import { isPromise, withTimeLimit } from '../time-limit.js'
import type { ReplaySettings, SignatureSettings } from './options.js'
import type { SignatureParameters } from './signature-parameters.js'

// Clocks do not agree to the millisecond, so nonces are remembered a little longer than their signatures are valid.
const MARGIN_SECONDS = 1

/**
 * Marks the nonce of a valid signature as used.
 *
 * @throws {NonceReusedError} if it was used before
 * @throws {ServiceUnavailable} if the store fails, or does not answer in time
 */
export async function consumeNonce ({ keyid, created, nonce }: SignatureParameters, { store, timeout }: ReplaySettings, { maxAge, clockSkew }: SignatureSettings): Promise<void> {
  let isTaken: boolean
  try {
    const taken = store.take(
      // The length of the id separates it from the nonce: both can have colons.
      `${keyid.length}:${keyid}:${nonce as string}`,
      maxAge + clockSkew + MARGIN_SECONDS,
      created as number + maxAge + MARGIN_SECONDS
    )
    isTaken = isPromise(taken) ? await withTimeLimit(taken, timeout, () => new Error(`The store of nonces did not answer within ${timeout} ms`)) : taken
    if (typeof isTaken !== 'boolean') throw new TypeError('The store of nonces must answer true or false')
  } catch (error) {
    throw new ServiceUnavailable('Nonces cannot be looked up for now', { cause: error })
  }
  if (!isTaken) throw new NonceReusedError()
}
