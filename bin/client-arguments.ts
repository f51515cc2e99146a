import { createClient, type Client, type ClientOptions, type Result } from '../client/index.js'
import { MAX_TIMEOUT_MS } from '../client/timeout.js'
import type { Values } from './arguments.js'
import { PROGRAM_PREFIX, UsageError, type Environment, type Streams } from './command.js'
import { parseDuration } from './duration.js'
import type { OUTCOME_FLAGS, REQUEST_FLAGS } from './flags.js'
import { readKey } from './key.js'

/** The values of the flags of every command that uses the client. */
export type ClientValues = Values<typeof REQUEST_FLAGS & typeof OUTCOME_FLAGS>

// This is more than the retry budget of a client allows, so that only the duration of --retry limits the attempts.
const MAX_ATTEMPTS = 1000

/**
 * Returns the client options that the arguments set.
 *
 * @param baseUrl the origin of the service
 * @throws {UsageError} if the key cannot be read, or an argument is invalid
 */
export async function readClientOptions (baseUrl: string, values: ClientValues, streams: Streams, env: Environment): Promise<ClientOptions> {
  const { outcomes, timeout, 'max-response-size': size, 'reason-header': header } = values
  const retry = parseRetry(values.retry)
  if (header !== undefined) checkFieldName(header)
  return {
    baseUrl,
    key: await readKey(values.key, streams, env),
    header,
    outcomes,
    retry,
    timeout: timeout === undefined ? undefined : parseDuration(timeout, 'ms'),
    maxResponseSize: size === undefined ? undefined : Number(size)
  }
}

function parseRetry (text: string | undefined): ClientOptions['retry'] {
  if (text === undefined) return undefined
  const deadline = parseDuration(text, 's')
  if (!(deadline >= 1 && deadline <= MAX_TIMEOUT_MS)) throw new UsageError('--retry must be a duration from 1ms to 596h, such as 60s or 2m')
  return { deadline, attempts: MAX_ATTEMPTS }
}

function checkFieldName (name: string): void {
  try {
    new Headers().has(name)
  } catch {
    throw new UsageError('--reason-header must be the name of a header field')
  }
}

/** The response of a service to a command. */
export interface Answer {
  readonly result: Result
  /** The body of the last success, as it was received. */
  readonly bytes: Uint8Array
  /**
   * Returns the reason phrase of the response with these header fields; empty over HTTP/2. Undefined if there was no such
   * response.
   */
  readonly getPhrase: (headers: Headers) => string | undefined
}

/**
 * Calls a client, and returns the response.
 *
 * @throws {UsageError} if an option of the client, or an argument of the call, is invalid
 */
export async function callClient (options: ClientOptions, call: (client: Client) => Promise<Result>): Promise<Answer> {
  const phrases = new WeakMap<Headers, string>()
  let bytes: Uint8Array = new Uint8Array()
  const result = await explainErrors(async () => await call(createClient({
    ...options,
    onResponse ({ headers, statusText }) { phrases.set(headers, statusText) },
    onBody (body) { bytes = body }
  })))
  return { result, bytes, getPhrase: headers => phrases.get(headers) }
}

/**
 * Returns the result of a function that uses the client. The client throws only for invalid arguments.
 *
 * @throws {UsageError} for each error of the function
 */
export async function explainErrors<T> (run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new UsageError((error as TypeError).message.replace(PROGRAM_PREFIX, ''))
  }
}
