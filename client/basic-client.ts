import { createDeadline } from './deadline.js'
import { resolveKey } from './idempotency-key.js'
import type { BasicRequestOptions } from './request.js'
import { describeResult, type KeyedResult, type Result } from './result.js'
import { createTransport, type BasicClientOptions } from './transport.js'

/**
 * Calls an operation of the service. Does not follow redirects.
 *
 * @param path the path of the operation, percent-encoded and with a slash at its start. It can have a query
 * @throws {TypeError} if an argument is invalid. Errors of the network and of
 * the service are not thrown. They are part of the result.
 */
export interface Call<Options> {
  <Body = unknown>(method: string, path: string, options: Options & { idempotencyKey: string | true }): Promise<KeyedResult<Body>>
  <Body = unknown>(method: string, path: string, options?: Options): Promise<Result<Body>>
}

/** A client without retries. */
export type BasicClient = Call<BasicRequestOptions>

/**
 * Returns a client that sends each request once. It is a smaller `createClient()` without `retry`, `onAttempt`, `settle()` and
 * `look()`, for pages that must load fast.
 *
 * @throws {TypeError} if an option is invalid
 */
export function createBasicClient (options: BasicClientOptions): BasicClient {
  const transport = createTransport(options)

  function client<Body> (method: string, path: string, options: BasicRequestOptions & { idempotencyKey: string | true }): Promise<KeyedResult<Body>>
  function client<Body> (method: string, path: string, options?: BasicRequestOptions): Promise<Result<Body>>
  async function client<Body> (method: string, path: string, request: BasicRequestOptions = {}): Promise<Result<Body>> {
    const idempotencyKey = resolveKey(request.idempotencyKey)
    const deadline = createDeadline(request.signal, options.timeout)
    try {
      const result = await transport.send<Body>(transport.createRequest(method, path, { ...request, idempotencyKey, signal: deadline.signal }), deadline)
      return idempotencyKey === undefined ? result : describeResult(result, idempotencyKey, 1)
    } finally {
      deadline.clear()
    }
  }
  return client
}
