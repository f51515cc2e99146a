import { checkOptionNames, throwInvalidOption } from '../invalid-option.js'
import { MAX_TIMEOUT_MS } from '../time-limit.js'
import type { Key } from './keys.js'
import type { ReplayStore } from './replay-store.js'
import { DERIVED_COMPONENTS } from './components.js'

/** Options of the plugin `fastify-reason-phrase/signature`. */
export interface SignatureOptions {
  /** Returns the key of an id; undefined if there is no such key. An error that it throws is sent as the response. */
  keys: (keyId: string) => Key | undefined | Promise<Key | undefined>
  /** How long `keys` can take, in milliseconds, before the response is 503 with `Retry-After`. Default: 1000. */
  keysTimeout?: number | undefined
  /** The maximum age of a signature, in seconds. Default: 300. */
  maxAge?: number | undefined
  /** How far a client's clock can be ahead of the service's, in seconds. Default: 30. */
  clockSkew?: number | undefined
  /**
   * The components that a signature must cover. Those that begin with
   * `content-` are required only if the request has a body. If a request has an
   * `Idempotency-Key`, `idempotency-key` is required as well. Default:
   * `@method`, `@path`, `@query` and `content-digest`.
   */
  required?: string[] | undefined
  /**
   * Requires a nonce in each request, and accepts each nonce once. The response
   * to a nonce that was used before is 503 without `Retry-After`, because the
   * request may have been processed. If the route has `config.idempotency` and
   * the request has an `Idempotency-Key`, the nonce is accepted again, because
   * the key decides the response. Default: nonces are not checked.
   */
  replay?: {
    store: ReplayStore
    /** How long the store can take, in milliseconds, before the response is 503 with `Retry-After`. Default: 1000. */
    timeout?: number | undefined
  } | undefined
}

/** The options that limit the age of signatures. A signature can be valid for at most the sum of both. */
export interface SignatureAge {
  /** In seconds. */
  readonly maxAge: number
  /** In seconds. */
  readonly clockSkew: number
}

/** The options with their defaults. */
export interface SignatureSettings extends SignatureAge {
  readonly keys: SignatureOptions['keys']
  readonly keysTimeout: number
  readonly required: readonly string[]
  readonly replay: ReplaySettings | undefined
}

/** The option `replay` with its defaults. */
export type ReplaySettings = Required<NonNullable<SignatureOptions['replay']>>

const SUBJECT = 'signature option'

/**
 * Checks the options, and adds the defaults.
 *
 * @throws {TypeError} if an option is missing, unknown, of the wrong type, or out of range
 */
export function resolveOptions (options: SignatureOptions): SignatureSettings {
  checkOptionNames(options, ['keys', 'keysTimeout', 'maxAge', 'clockSkew', 'required', 'replay'], 'signature')
  const { keys, keysTimeout = 1000, maxAge = 300, clockSkew = 30, required = ['@method', '@path', '@query', 'content-digest'], replay } = options
  if (typeof keys !== 'function') throwInvalidOption('keys must be a function from the id of a key to the key', typeof keys, SUBJECT)
  checkTimeout('keysTimeout', keysTimeout)
  if (!Number.isSafeInteger(maxAge) || maxAge < 1) throwInvalidOption('maxAge must be a positive number of whole seconds', maxAge, SUBJECT)
  if (!Number.isSafeInteger(clockSkew) || clockSkew < 0) throwInvalidOption('clockSkew must be a number of whole seconds', clockSkew, SUBJECT)
  if (!Array.isArray(required) || !required.every(isComponentName)) {
    throwInvalidOption(`required must be an array of field names in lower case and of ${DERIVED_COMPONENTS.join(', ')}`, required, SUBJECT)
  }
  return { keys, keysTimeout, maxAge, clockSkew, required, replay: replay === undefined ? undefined : resolveReplay(replay) }
}

function resolveReplay (replay: NonNullable<SignatureOptions['replay']>): ReplaySettings {
  const { store, timeout = 1000 } = replay ?? {} as Partial<ReplaySettings>
  // The value can be the URL of a store with a password, so the message shows only its type.
  if (typeof store?.take !== 'function') throwInvalidOption('replay.store must be an object with a method take', typeof store, SUBJECT)
  checkOptionNames(replay, ['store', 'timeout'], 'replay')
  checkTimeout('replay.timeout', timeout)
  return { store, timeout }
}

function checkTimeout (name: string, timeout: number): void {
  if (!Number.isSafeInteger(timeout) || timeout < 1) throwInvalidOption(`${name} must be a positive number of milliseconds`, timeout, SUBJECT)
  if (timeout > MAX_TIMEOUT_MS) throwInvalidOption(`${name} must be at most ${MAX_TIMEOUT_MS} milliseconds`, timeout, SUBJECT)
}

function isComponentName (name: unknown): boolean {
  return typeof name === 'string' && (DERIVED_COMPONENTS.includes(name) || /^[!#$%&'*+.^`|~\w-]+$/.test(name)) && name === name.toLowerCase()
}
