import { ServiceUnavailable } from '../service-unavailable.js'
import { isPromise, withTimeLimit } from '../time-limit.js'
import type { ReplaySettings, SignatureSettings } from './options.js'
import type { SignatureParameters } from './signature-parameters.js'

// Clocks do not agree to the millisecond, so nonces are remembered a little longer than their signatures are valid.
const MARGIN_SECONDS = 1

/**
 * Marks the nonce of a valid signature as used.
 *
 * @returns whether it is new
 * @throws {ServiceUnavailable} if the store fails, or does not settle in time
 */
export async function takeNonce ({ keyid, created, nonce }: SignatureParameters, { store, timeout }: ReplaySettings, { maxAge, clockSkew }: SignatureSettings): Promise<boolean> {
  try {
    const taken = store.take(
      // The length of the id separates it from the nonce, because both can contain colons.
      `${keyid.length}:${keyid}:${nonce as string}`,
      maxAge + clockSkew + MARGIN_SECONDS,
      created as number + maxAge + MARGIN_SECONDS
    )
    const isNew = isPromise(taken) ? await withTimeLimit(taken, timeout, () => new Error(`The store of nonces did not answer within ${timeout} ms`)) : taken
    if (typeof isNew !== 'boolean') throw new TypeError('The store of nonces must return true or false')
    return isNew
  } catch (error) {
    throw new ServiceUnavailable('Nonces cannot be looked up for now', { cause: error })
  }
}
