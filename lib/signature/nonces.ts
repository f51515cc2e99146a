import { NonceReusedError } from './errors.js'
import { ServiceUnavailable } from '../service-unavailable.js'
import { withTimeLimit } from '../time-limit.js'
import type { ReplaySettings, SignatureSettings } from './options.js'
import { getCreated } from './signature-parameters.js'
import { getParameter, type Signature } from './signatures.js'

// Clocks do not agree to the millisecond, so nonces are remembered a little longer than their signatures are valid.
const MARGIN_SECONDS = 1

/**
 * Marks the nonce of a valid signature as used.
 *
 * @throws {NonceReusedError} if it was used before
 * @throws {ServiceUnavailable} if the store fails, or does not answer in time
 */
export async function consumeNonce (signature: Signature, replay: ReplaySettings, settings: SignatureSettings): Promise<void> {
  if (!await take(signature, replay, settings)) throw new NonceReusedError()
}

async function take (signature: Signature, { store, timeout }: ReplaySettings, { maxAge, clockSkew }: SignatureSettings): Promise<boolean> {
  const { keyId } = signature
  try {
    const isTaken = await withTimeLimit(
      store.take(
        // The length of the id separates it from the nonce: both can have colons.
        `${keyId.length}:${keyId}:${getParameter(signature, 'nonce')}`,
        maxAge + clockSkew + MARGIN_SECONDS,
        getCreated(signature) + maxAge + MARGIN_SECONDS
      ),
      timeout,
      () => new Error(`The store of nonces did not answer within ${timeout} ms`)
    )
    if (typeof isTaken !== 'boolean') throw new TypeError('The store of nonces must answer true or false')
    return isTaken
  } catch (error) {
    throw new ServiceUnavailable('Nonces cannot be looked up for now', { cause: error })
  }
}
