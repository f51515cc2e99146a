import { parseHeaders, parseUrl, type Values } from './arguments.js'
import { UsageError, type Streams } from './command.js'
import { isStdin, readData, resolveMediaType } from './data.js'
import type { BODY_FLAGS, REQUEST_FLAGS } from './flags.js'

/** The request that the arguments of a command describe. */
export interface RequestArguments {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: Uint8Array | undefined
  /** The idempotency key. `true` for a new key. */
  readonly idempotencyKey: string | true | undefined
}

/**
 * Returns the request that the arguments of a command describe.
 *
 * @param command the name of the command, for messages
 * @throws {UsageError} if an argument is invalid
 */
export async function readRequest (command: string, positionals: string[], values: Values<typeof REQUEST_FLAGS & typeof BODY_FLAGS>, { stdin }: Streams): Promise<RequestArguments> {
  const { method, address } = parseTarget(command, positionals, values)
  const url = parseUrl(address)
  if (url === undefined) throw new UsageError('The URL must be an http or https URL without a user')
  const headers = parseHeaders(values.header)
  const idempotencyKey = values['idempotency-key'] === 'auto' ? true : values['idempotency-key']
  if (idempotencyKey !== undefined && headers.has('idempotency-key')) throw new UsageError('--idempotency-key and --header cannot both set Idempotency-Key')

  const [data, ...more] = values.data ?? []
  if (more.length > 0) throw new UsageError('--data can be given only once')
  if (values.key === '-' && isStdin(data)) throw new UsageError(`--key - and --data ${data} cannot both read standard input`)
  const body = data === undefined ? undefined : await readData(data, stdin)
  const mediaType = body && resolveMediaType(body, headers.get('content-type'), '--data')
  if (mediaType !== undefined) headers.set('content-type', mediaType)
  return { method, url, headers, body, idempotencyKey }
}

/** Returns the method and the URL. The default method is GET, or POST if there is a body. */
function parseTarget (command: string, positionals: string[], { method, data }: { method?: string, data?: string[] }): { method: string, address: string } {
  const [first, second, ...rest] = positionals
  if (first === undefined || rest.length > 0) throw new UsageError(`${command} takes a METHOD and a URL`)
  if (second !== undefined) {
    if (method !== undefined) throw new UsageError(`${command} takes a METHOD and a URL, or --method and a URL`)
    return { method: first, address: second }
  }
  // If the only argument looks like a method, the URL is missing.
  if (/^\w+$/.test(first)) throw new UsageError(`${command} takes a METHOD and a URL`)
  return { method: method ?? (data === undefined ? 'GET' : 'POST'), address: first }
}
