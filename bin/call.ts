import { parseArgs } from 'node:util'
import { createClient, type ClientOptions, type Outcome, type RequestOptions, type Result } from '../client/index.js'
import { UsageError, write, type Command, type Environment, type Streams } from './command.js'
import { dataOf, mediaTypeOf } from './data.js'
import { keyOf, keyUsage } from './key.js'
import { json, plain, readable } from './print.js'

const EXIT_CODES: Record<Outcome, number> = { success: 0, rejected: 1, unknown: 2 }

const usage = `Usage: fastify-reason-phrase call METHOD URL [options]

Sends a request, signed if it has a key, and prints what became of it.

  --key KEY               signs the request with a key; KEY is one of
${keyUsage(24)}
  --data BODY             a body; JSON is sent as such, all else as text
  --data @FILE, --data -  a body from a file, or from standard input
  --header 'NAME: VALUE'  a header; as many as you like
  --timeout MS            how many milliseconds it may take
  --max-response-size N   reads at most N bytes of a response body (16 MiB)
  --json                  prints one line of JSON; bytes are base64
  --help                  prints this

Exit code: 0 success; 1 rejected, nothing happened; 2 unknown, it may have
succeeded; 64 wrong use.
`

const options = {
  data: { type: 'string' },
  header: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  key: { type: 'string' },
  'max-response-size': { type: 'string' },
  timeout: { type: 'string' }
} as const

/** `fastify-reason-phrase call`: one request, signed and sent, and its outcome. */
export const call: Command = {
  summary: 'signs a request, sends it, and prints what became of it',
  usage,
  async run (args, streams, env) {
    const { positionals: [method, address, ...rest], values } = parse(args)
    if (method === undefined || address === undefined || rest.length > 0) throw new UsageError('call takes a METHOD and a URL')
    const url = urlOf(address)
    const headers = headersOf(values.header ?? [])
    if (values.key === '-' && values.data === '-') throw new UsageError('--key - and --data - cannot both read standard input')
    const key = await keyOf(values.key, streams, env)
    const timeout = values.timeout === undefined ? undefined : Number(values.timeout)
    const size = values['max-response-size']
    const maxResponseSize = size === undefined ? undefined : Number(size)

    let body
    if (values.data !== undefined) {
      body = await dataOf(values.data, streams.stdin)
      if (!headers.has('content-type')) headers.set('content-type', mediaTypeOf(body))
    }

    const result = await send({ baseUrl: url.origin, key, timeout, maxResponseSize }, method, url.pathname + url.search, { headers, body })
    await write(streams.stdout, printed(result, values.json === true, streams, env))
    return EXIT_CODES[result.outcome]
  }
}

async function send (options: ClientOptions, method: string, path: string, request: RequestOptions): Promise<Result> {
  try {
    return await createClient(options)(method, path, request)
  } catch (error) {
    throw new UsageError((error as TypeError).message.replace('fastify-reason-phrase: ', ''))
  }
}

function printed (result: Result, asJson: boolean, { stdout }: Streams, { NO_COLOR }: Environment): string | Uint8Array {
  if (asJson) return json(result)
  return stdout.isTTY === true ? readable(result, !NO_COLOR) : plain(result)
}

function parse (args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function urlOf (address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new UsageError('The URL must be an http or https URL without a user')
  }
  return url
}

function headersOf (lines: string[]): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(line) ?? []
    try {
      headers.append(name, value)
    } catch {
      // The error of Headers quotes the value.
      throw new UsageError("--header must be 'name: value'")
    }
  }
  return headers
}
