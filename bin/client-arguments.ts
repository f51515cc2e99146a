import { parseArgs, type ParseArgsConfig } from 'node:util'
import { createClient, type Client, type ClientOptions, type Result } from '../client/index.js'
import { MAX_TIMEOUT_MS } from '../client/timeout.js'
import { PROGRAM_PREFIX, UsageError, type Environment, type Streams } from './command.js'
import { parseDuration } from './duration.js'
import { readKey } from './key.js'

/** The options of every command that uses the client. */
export const CLIENT_OPTIONS = {
  header: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  key: { type: 'string' },
  'max-response-size': { type: 'string' },
  outcomes: { type: 'string' },
  retry: { type: 'string' },
  timeout: { type: 'string' }
} as const

/** The values of {@link CLIENT_OPTIONS}. */
export type ClientValues = ReturnType<typeof parseArgs<{ options: typeof CLIENT_OPTIONS }>>['values']

/** The lines of `--help` about durations. */
export const DURATION_USAGE = `A DURATION is such as 500ms, 60s, 2m or 1h. Without a unit, --retry is in
seconds, and --timeout is in milliseconds.`

/** The lines of `--help` about exit codes. */
export const EXIT_CODE_USAGE = `Exit code: 0 success; 1 rejected, the operation did not happen; 2 unknown, the
operation may or may not have happened; 64 invalid arguments.`

// More than the budget of a client allows, so that only the duration of --retry limits the attempts.
const MAX_ATTEMPTS = 1000

type OptionsConfig = NonNullable<ParseArgsConfig['options']>
type Arguments<Options extends OptionsConfig> = ReturnType<typeof parseArgs<{ options: Options, allowPositionals: true }>>

/** @throws {UsageError} if an argument is invalid */
export function parseArguments<Options extends OptionsConfig> (args: string[], options: Options): Arguments<Options> {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Returns the http or https URL of an argument; undefined if it is not one, or has a user. */
export function parseUrl (address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  return url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password ? undefined : url
}

/** @throws {UsageError} if a line is invalid */
export function parseHeaders (lines: string[] = []): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(line) ?? []
    try {
      headers.append(name, value)
    } catch {
      // The error of Headers quotes the value, which can be a secret.
      throw new UsageError("--header must be 'name: value'")
    }
  }
  return headers
}

/**
 * Returns the options of a client that the arguments set.
 *
 * @param baseUrl the origin of the service
 * @throws {UsageError} if the key cannot be read, or an argument is invalid
 */
export async function readClientOptions (baseUrl: string, values: ClientValues, streams: Streams, env: Environment): Promise<ClientOptions> {
  const { outcomes, timeout, 'max-response-size': size } = values
  const retry = parseRetry(values.retry)
  return {
    baseUrl,
    key: await readKey(values.key, streams, env),
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

/**
 * Returns the result of a call of a client.
 *
 * @throws {UsageError} if an option of the client, or an argument of the call, is invalid
 */
export async function callClient (options: ClientOptions, call: (client: Client) => Promise<Result>): Promise<Result> {
  try {
    return await call(createClient(options))
  } catch (error) {
    throw new UsageError((error as TypeError).message.replace(PROGRAM_PREFIX, ''))
  }
}
