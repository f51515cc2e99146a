import { CLIENT_OPTIONS, callClient, DURATION_USAGE, EXIT_CODE_USAGE, parseArguments, parseHeaders, parseUrl, readClientOptions } from './client-arguments.js'
import { UsageError, type Command } from './command.js'
import { formatKeyUsage } from './key.js'
import { printResult } from './print-result.js'
import { reportAttempts } from './report-attempts.js'
import { printSettleHint } from './settle-hint.js'

const OPTIONS = {
  ...CLIENT_OPTIONS,
  retry: { type: 'string', default: '60s' },
  url: { type: 'string' }
} as const

/** `fastify-reason-phrase settle`: closes an idempotency key, and prints the outcome of its operation. */
export const settle = createCommand('settle', 'closes an idempotency key, and prints the outcome', `Closes an idempotency key, and prints the outcome of its operation. After that,
the operation has happened or it never will, however late its request arrives.`)

/** `fastify-reason-phrase look`: prints the outcome of an idempotency key. */
export const look = createCommand('look', 'prints the outcome of an idempotency key', `Prints the outcome of the operation with an idempotency key. Does not close the
key: while the outcome is unknown, the request may still arrive.`)

/**
 * Returns a command that asks for the outcome of an idempotency key.
 *
 * @param name the name of the command, and of the method of the client
 */
function createCommand (name: 'settle' | 'look', summary: string, purpose: string): Command {
  return {
    summary,
    usage: formatUsage(name, purpose),
    async run (args, streams, env) {
      const { positionals: [idempotencyKey, ...rest], values } = parseArguments(args, OPTIONS)
      if (idempotencyKey === undefined || rest.length > 0 || values.url === undefined) throw new UsageError(`${name} takes a KEY, and --url URL`)
      const origin = parseOrigin(values.url)
      const headers = parseHeaders(values.header)
      const options = await readClientOptions(origin, values, streams, env)
      const result = await callClient(options, async client => await client[name](idempotencyKey, { headers, onAttempt: reportAttempts(streams, false) }))
      const exitCode = await printResult(result, values.json, streams, env)
      if (name === 'look') await printSettleHint(result, origin, values, streams)
      return exitCode
    }
  }
}

function formatUsage (name: string, purpose: string): string {
  return `Usage: fastify-reason-phrase ${name} KEY --url URL [options]

${purpose}

  --url URL               the service, such as http://127.0.0.1:3000
  --outcomes PATH         where the service tells outcomes (/v2/operation)
  --key KEY               sign the request with a key; KEY is one of
${formatKeyUsage(24)}
  --retry DURATION        ask for this time until there is an answer (60s), and
                          report each attempt on standard error
  --header 'NAME: VALUE'  add a header field; can be repeated
  --timeout DURATION      the longest time for an attempt (no limit)
  --max-response-size N   the most bytes of the recorded body (16 MiB)
  --json                  print one line of JSON; bytes are in base64
  --help                  print this help

${DURATION_USAGE}

${EXIT_CODE_USAGE}
`
}

/** @throws {UsageError} if it is not the origin of a service */
function parseOrigin (address: string): string {
  const url = parseUrl(address)
  if (url === undefined || url.href !== `${url.origin}/`) {
    throw new UsageError('--url must be an http or https URL without a user, path or query; --outcomes sets the path')
  }
  return url.origin
}
