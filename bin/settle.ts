import { decodeRecordedBody, type RecordedOutcome } from '../client/recorded-outcome.js'
import { parseArguments, parseHeaders, parseUrl } from './arguments.js'
import { callClient, readClientOptions, type Answer } from './client-arguments.js'
import { UsageError, type Command } from './command.js'
import { COMMON_FLAGS, DURATION_HELP, EXIT_CODE_HELP, KEY_HELP, OUTCOME_FLAGS, OUTPUT_HELP, REQUEST_FLAGS } from './flags.js'
import { formatHelp } from './help.js'
import { checkOutput } from './output.js'
import { printAnswer } from './print-answer.js'
import { reportAttempts } from './report-attempts.js'
import { printSettleHint } from './settle-hint.js'

const FLAGS = {
  url: { type: 'string', value: 'URL', text: 'the service, such as http://127.0.0.1:3000' },
  ...REQUEST_FLAGS,
  ...OUTCOME_FLAGS,
  retry: { type: 'string', default: '60s', value: 'DURATION', text: 'retry for at most this time until there is a response (60s), and report each attempt on standard error' },
  ...COMMON_FLAGS
} as const

/** `fastify-reason-phrase settle`: closes an idempotency key, and prints the outcome of its operation. */
export const settle = createCommand('settle', 'closes an idempotency key, and prints the outcome', `Closes an idempotency key, and prints the outcome of its operation. After that,
the operation has happened or it never will, even if its request arrives later.`)

/** `fastify-reason-phrase look`: prints the outcome of an idempotency key. */
export const look = createCommand('look', 'prints the outcome of an idempotency key', `Prints the outcome of the operation with an idempotency key. Does not close the
key: while the outcome is unknown, the request may still arrive.`)

/**
 * Returns a command that requests the outcome of an idempotency key.
 *
 * @param name the name of the command, which is also the name of the client method
 */
function createCommand (name: 'settle' | 'look', summary: string, purpose: string): Command {
  return {
    summary,
    flags: FLAGS,
    usage: formatHelp({
      synopsis: `${name} KEY --url URL`,
      purpose,
      examples: [
        `${name} order-7 --url http://127.0.0.1:3000\n--key keys.json`,
        `${name} order-7 --url http://127.0.0.1:3000\n--outcomes /operation --header "Authorization: Bearer $TOKEN"`
      ],
      flags: FLAGS,
      notes: [KEY_HELP, DURATION_HELP, OUTPUT_HELP, EXIT_CODE_HELP]
    }),
    async run (args, streams, env) {
      const { positionals: [idempotencyKey, ...rest], values } = parseArguments(args, FLAGS)
      if (idempotencyKey === undefined || rest.length > 0 || values.url === undefined) throw new UsageError(`${name} takes a KEY, and --url URL`)
      const origin = parseOrigin(values.url)
      const headers = parseHeaders(values.header)
      checkOutput(values)
      const options = await readClientOptions(origin, values, streams, env)
      const answer = await callClient(options, async client => await client[name](idempotencyKey, { headers, onAttempt: reportAttempts(streams, false) }))
      const exitCode = await printAnswer(toRecorded(answer), values, streams, env)
      if (name === 'look') await printSettleHint(answer.result, origin, values, streams)
      return exitCode
    }
  }
}

/** Returns the recorded response, which is in the body of the outcome response. */
function toRecorded (answer: Answer): Answer {
  if (answer.result.outcome !== 'success') return answer
  return { ...answer, bytes: decodeRecordedBody(JSON.parse(new TextDecoder().decode(answer.bytes)) as RecordedOutcome) }
}

/**
 * Returns the origin of a URL.
 *
 * @throws {UsageError} if the URL has a user, a path or a query
 */
function parseOrigin (address: string): string {
  const url = parseUrl(address)
  if (url === undefined || url.href !== `${url.origin}/`) {
    throw new UsageError('--url must be an http or https URL without a user, path or query; --outcomes sets the path')
  }
  return url.origin
}
