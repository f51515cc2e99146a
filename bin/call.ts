import { parseArguments } from './arguments.js'
import { callClient, readClientOptions } from './client-arguments.js'
import type { Command } from './command.js'
import { BODY_FLAGS, COMMON_FLAGS, DURATION_HELP, EXIT_CODE_HELP, KEY_HELP, OUTCOME_FLAGS, OUTPUT_HELP, REQUEST_FLAGS } from './flags.js'
import { formatHelp } from './help.js'
import { checkOutput } from './output.js'
import { printAnswer } from './print-answer.js'
import { reportAttempts } from './report-attempts.js'
import { readRequest } from './request-arguments.js'
import { printSettleHint } from './settle-hint.js'

const FLAGS = { ...BODY_FLAGS, ...REQUEST_FLAGS, ...OUTCOME_FLAGS, ...COMMON_FLAGS }

/** `fastify-reason-phrase call`: signs a request, sends it, and prints the outcome. */
export const call: Command = {
  summary: 'sends a request, signed or not, and prints the outcome',
  flags: FLAGS,
  usage: formatHelp({
    synopsis: 'call METHOD URL',
    purpose: `Sends a request, signed if there is a key, and prints the outcome. METHOD can be
left out. The default is GET, or POST with --data.`,
    examples: [
      'call GET http://127.0.0.1:3000/v2/topic\n--key keys.json',
      'call POST http://127.0.0.1:3000/v2/topic\n--key keys.json --data @topic.json --idempotency-key auto --retry 60s'
    ],
    flags: FLAGS,
    notes: [KEY_HELP, DURATION_HELP, OUTPUT_HELP, `--idempotency-key auto prints the key to standard error before anything is sent.
--retry retries POST and PATCH only with an idempotency key. If the outcome of a
request with such a key is unknown, the command that settles it is printed to
standard error.`, EXIT_CODE_HELP]
  }),
  async run (args, streams, env) {
    const { positionals, values } = parseArguments(args, FLAGS)
    const { method, url, headers, body, idempotencyKey } = await readRequest('call', positionals, values, streams)
    checkOutput(values)
    const options = await readClientOptions(url.origin, values, streams, env)

    const onAttempt = reportAttempts(streams, idempotencyKey === true)
    const answer = await callClient(options, async client => await client(method, url.pathname + url.search, { headers, body, idempotencyKey, onAttempt }))
    const exitCode = await printAnswer(answer, values, streams, env)
    await printSettleHint(answer.result, url.origin, values, streams)
    return exitCode
  }
}
