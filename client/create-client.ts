import { resolveRetry, runAttempts, type OnAttempt, type Operation, type RetryOptions } from './attempts.js'
import type { Call } from './basic-client.js'
import { createDeadline, type Deadline } from './deadline.js'
import { checkKey, resolveKey } from './idempotency-key.js'
import { throwInvalidArgument } from './invalid-argument.js'
import { judgeOutcome } from './recorded-outcome.js'
import { isPath, type CheckedRequestOptions, type RequestOptions } from './request.js'
import { describeResult, type KeyedResult, type Result } from './result.js'
import { createJudge } from './retry.js'
import { createTransport, DEFAULT_MAX_RESPONSE_BYTES, type BasicClientOptions } from './transport.js'

/** The options of {@link createClient}. */
export interface ClientOptions extends BasicClientOptions {
  /** Retries requests whose outcome is unknown. Default: each request is sent once. */
  retry?: RetryOptions | undefined
  /** The path of the routes that return the outcome of an idempotency key. Default: `/v2/operation`. */
  outcomes?: string | undefined
  /** A function that is called before each attempt of each call. */
  onAttempt?: OnAttempt | undefined
}

/** The options of `settle()` and `look()`. */
export type SettleOptions = Pick<RequestOptions, 'headers' | 'signal' | 'onAttempt'>

/** A client of a service. */
export interface Client extends Call<RequestOptions> {
  /**
   * Settles an operation by closing its idempotency key. After that, the operation has happened, or it never will. With the
   * option `retry`, the client asks until the service returns the outcome or the deadline passes.
   *
   * @returns `success` with the recorded response; `rejected` if the operation did not happen; `unknown` if the service did
   * not respond, or no longer knows the outcome
   * @throws {TypeError} if an argument is invalid
   */
  settle<Body = unknown> (key: string, options?: SettleOptions): Promise<KeyedResult<Body>>
  /**
   * Returns the outcome of an idempotency key, like `settle()`, but does not close the key. The outcome is also `unknown`
   * while a request with the key is being executed, and if the service knows nothing about the key. Its request may still
   * arrive.
   *
   * @throws {TypeError} if an argument is invalid
   */
  look<Body = unknown> (key: string, options?: SettleOptions): Promise<KeyedResult<Body>>
}

// JSON needs at most six bytes for a byte of the recorded body. The recorded header fields need more bytes.
const JSON_EXPANSION = 6
const MORE_OUTCOME_BYTES = 64 * 1024

/**
 * Returns a client of a service that keeps the contract of `docs/contract.md`.
 *
 * @throws {TypeError} if an option is invalid
 */
export function createClient ({ retry: retryOptions, outcomes = '/v2/operation', onAttempt: onEachAttempt, ...options }: ClientOptions): Client {
  const { timeout, maxResponseSize = DEFAULT_MAX_RESPONSE_BYTES } = options
  const { createRequest, send } = createTransport(options)
  const maxOutcomeBytes = maxResponseSize * JSON_EXPANSION + MORE_OUTCOME_BYTES
  const retry = retryOptions && resolveRetry(retryOptions)
  if (!isPath(outcomes) || /[?]|\/$/.test(outcomes)) throwInvalidArgument('outcomes must be a path without a query and without a slash at its end')

  /** Attempts a request until the outcome of the operation is known. */
  async function run (method: string, path: string, { signal, ...options }: CheckedRequestOptions, operation: Omit<Operation, 'send'>, maxBytes?: number) {
    const deadline = createDeadline(signal, retry?.deadline ?? timeout)
    try {
      const request = createRequest(method, path, { ...options, signal: deadline.signal }, retry !== undefined)
      const sendAttempt = retry === undefined
        ? async () => await send(request, deadline, maxBytes)
        : async () => await sendCopy(request, deadline, maxBytes)
      return await runAttempts({ ...operation, send: sendAttempt }, deadline, retry)
    } finally {
      deadline.clear()
    }
  }

  /** Sends a copy of a request, so that the request can be sent again. */
  async function sendCopy (request: Request, { signal }: Deadline, maxBytes?: number): Promise<Result> {
    const deadline = createDeadline(signal, timeout)
    try {
      return await send(new Request(request.clone(), { signal: deadline.signal }), deadline, maxBytes)
    } finally {
      deadline.clear()
    }
  }

  function call<Body> (method: string, path: string, options: RequestOptions & { idempotencyKey: string | true }): Promise<KeyedResult<Body>>
  function call<Body> (method: string, path: string, options?: RequestOptions): Promise<Result<Body>>
  async function call (method: string, path: string, { onAttempt = onEachAttempt, ...options }: RequestOptions = {}): Promise<Result> {
    const idempotencyKey = resolveKey(options.idempotencyKey)
    const isKeyed = idempotencyKey !== undefined
    const { result, attempts } = await run(method, path, { ...options, idempotencyKey }, { idempotencyKey, judge: createJudge(method, isKeyed), isPersistent: false, onAttempt })
    return isKeyed || retry !== undefined ? describeResult(result, idempotencyKey, attempts) : result
  }

  /** Asks the service for the outcome of a key. */
  async function ask<Body> (method: string, body: object | undefined, key: string, { onAttempt = onEachAttempt, headers, signal }: SettleOptions = {}): Promise<KeyedResult<Body>> {
    const path = `${outcomes}/${encodeURIComponent(checkKey(key))}`
    const { result, attempts } = await run(method, path, { body, headers, signal }, { idempotencyKey: key, judge: judgeOutcome, isPersistent: true, onAttempt }, maxOutcomeBytes)
    return describeResult(result as Result<Body>, key, attempts)
  }

  return Object.assign(call, {
    settle: async <Body>(key: string, options?: SettleOptions) => await ask<Body>('PUT', { state: 'closed' }, key, options),
    look: async <Body>(key: string, options?: SettleOptions) => await ask<Body>('GET', undefined, key, options)
  })
}
