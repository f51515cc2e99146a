import { CLIENT_OPTIONS, callClient, DURATION_USAGE, EXIT_CODE_USAGE, parseArguments, parseHeaders, parseUrl, readClientOptions } from './client-arguments.js'
import { UsageError, type Command } from './command.js'
import { detectMediaType, readData } from './data.js'
import { formatKeyUsage } from './key.js'
import { printResult } from './print-result.js'
import { reportAttempts } from './report-attempts.js'
import { printSettleHint } from './settle-hint.js'

const usage = `Usage: fastify-reason-phrase call METHOD URL [options]

Sends a request, signed if there is a key, and prints the outcome.

  --key KEY               sign the request with a key; KEY is one of
${formatKeyUsage(24)}
  --data BODY             send BODY: as JSON if it is JSON, else as text
  --data @FILE, --data -  send a file, or standard input
  --idempotency-key KEY   let the request take effect once, however often it is
                          sent; auto makes a KEY, and prints it to standard
                          error before anything is sent
  --retry DURATION        repeat the request for this time until the outcome is
                          known, and report each attempt on standard error; POST
                          and PATCH need --idempotency-key for that
  --outcomes PATH         where the service tells outcomes (/v2/operation)
  --header 'NAME: VALUE'  add a header field; can be repeated
  --timeout DURATION      the longest time for an attempt (no limit)
  --max-response-size N   the most bytes of the response body (16 MiB)
  --json                  print one line of JSON; bytes are in base64
  --help                  print this help

${DURATION_USAGE}

If the outcome of a request with an idempotency key is unknown, the command that
settles the operation is printed to standard error.

${EXIT_CODE_USAGE}
`

const OPTIONS = {
  ...CLIENT_OPTIONS,
  data: { type: 'string' },
  'idempotency-key': { type: 'string' }
} as const

/** `fastify-reason-phrase call`: signs a request, sends it, and prints the outcome. */
export const call: Command = {
  summary: 'sends a request, signed or not, and prints the outcome',
  usage,
  async run (args, streams, env) {
    const { positionals: [method, address, ...rest], values } = parseArguments(args, OPTIONS)
    if (method === undefined || address === undefined || rest.length > 0) throw new UsageError('call takes a METHOD and a URL')
    const url = parseUrl(address)
    if (url === undefined) throw new UsageError('The URL must be an http or https URL without a user')
    const headers = parseHeaders(values.header)
    const idempotencyKey = values['idempotency-key'] === 'auto' ? true : values['idempotency-key']
    if (idempotencyKey !== undefined && headers.has('idempotency-key')) throw new UsageError('--idempotency-key and --header cannot both set Idempotency-Key')
    if (values.key === '-' && values.data === '-') throw new UsageError('--key - and --data - cannot both read standard input')
    const options = await readClientOptions(url.origin, values, streams, env)

    let body: Uint8Array | undefined
    if (values.data !== undefined) {
      body = await readData(values.data, streams.stdin)
      if (!headers.has('content-type')) headers.set('content-type', detectMediaType(body))
    }

    const onAttempt = reportAttempts(streams, idempotencyKey === true)
    const result = await callClient(options, async client => await client(method, url.pathname + url.search, { headers, body, idempotencyKey, onAttempt }))
    const exitCode = await printResult(result, values.json, streams, env)
    await printSettleHint(result, url.origin, values, streams)
    return exitCode
  }
}
