import { parseArgs } from 'node:util'
import { createClient, type ClientOptions, type Outcome, type RequestOptions, type Result } from '../client/index.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Command, type Environment, type Streams } from './command.js'
import { detectMediaType, readData } from './data.js'
import { formatForTerminal, formatJson, formatLines } from './format-result.js'
import { formatKeyUsage, readKey } from './key.js'

const EXIT_CODES: Record<Outcome, number> = { success: 0, rejected: 1, unknown: 2 }

const usage = `Usage: fastify-reason-phrase call METHOD URL [options]

Sends a request, signed if there is a key, and prints the outcome.

  --key KEY               sign the request with a key; KEY is one of
${formatKeyUsage(24)}
  --data BODY             send BODY: as JSON if it is JSON, else as text
  --data @FILE, --data -  send a file, or standard input
  --header 'NAME: VALUE'  add a header field; can be repeated
  --timeout MS            the most milliseconds for the call
  --max-response-size N   the most bytes of the response body (16 MiB)
  --json                  print one line of JSON; bytes are in base64
  --help                  print this help

Exit code: 0 success; 1 rejected, the operation did not happen; 2 unknown, the
operation may or may not have happened; 64 invalid arguments.
`

const OPTIONS = {
  data: { type: 'string' },
  header: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  key: { type: 'string' },
  'max-response-size': { type: 'string' },
  timeout: { type: 'string' }
} as const

/** `fastify-reason-phrase call`: signs a request, sends it, and prints the outcome. */
export const call: Command = {
  summary: 'sends a request, signed or not, and prints the outcome',
  usage,
  async run (args, streams, env) {
    const { positionals: [method, address, ...rest], values } = parseArguments(args)
    if (method === undefined || address === undefined || rest.length > 0) throw new UsageError('call takes a METHOD and a URL')
    const url = parseUrl(address)
    const headers = parseHeaders(values.header ?? [])
    if (values.key === '-' && values.data === '-') throw new UsageError('--key - and --data - cannot both read standard input')
    const key = await readKey(values.key, streams, env)
    const timeout = values.timeout === undefined ? undefined : Number(values.timeout)
    const size = values['max-response-size']
    const maxResponseSize = size === undefined ? undefined : Number(size)

    let body
    if (values.data !== undefined) {
      body = await readData(values.data, streams.stdin)
      if (!headers.has('content-type')) headers.set('content-type', detectMediaType(body))
    }

    const result = await send({ baseUrl: url.origin, key, timeout, maxResponseSize }, method, url.pathname + url.search, { headers, body })
    await writeAll(streams.stdout, formatResult(result, values.json === true, streams, env))
    return EXIT_CODES[result.outcome]
  }
}

async function send (options: ClientOptions, method: string, path: string, request: RequestOptions): Promise<Result> {
  try {
    return await createClient(options)(method, path, request)
  } catch (error) {
    throw new UsageError((error as TypeError).message.replace(PROGRAM_PREFIX, ''))
  }
}

function formatResult (result: Result, asJson: boolean, { stdout }: Streams, { NO_COLOR }: Environment): string | Uint8Array {
  if (asJson) return formatJson(result)
  return stdout.isTTY === true ? formatForTerminal(result, !NO_COLOR) : formatLines(result)
}

function parseArguments (args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function parseUrl (address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new UsageError('The URL must be an http or https URL without a user')
  }
  return url
}

function parseHeaders (lines: string[]): Headers {
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
