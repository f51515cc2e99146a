import { resolveKey } from '../client/idempotency-key.js'
import { createRequest } from '../client/request.js'
import { signer } from '../client/signer.js'
import { parseArguments } from './arguments.js'
import { explainErrors } from './client-arguments.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Command } from './command.js'
import { createCurlArguments } from './curl.js'
import { BODY_FLAGS, COMMON_FLAGS, KEY_HELP, REQUEST_FLAGS } from './flags.js'
import { formatHelp } from './help.js'
import { KEY_VARIABLE, readKey } from './key.js'
import { readRequest } from './request-arguments.js'

const FLAGS = {
  ...BODY_FLAGS,
  ...REQUEST_FLAGS,
  curl: { type: 'boolean', text: 'print the request as arguments of curl' },
  ...COMMON_FLAGS
} as const

/** `fastify-reason-phrase sign`: signs a request, and prints its header fields. */
export const sign: Command = {
  summary: 'prints the header fields of a signed request, for curl',
  flags: FLAGS,
  usage: formatHelp({
    synopsis: 'sign METHOD URL',
    purpose: `Signs a request, and prints the header fields to send with it. Sends nothing.
The service accepts them only for some minutes, and only once if it checks
nonces. METHOD can be left out. The default is GET, or POST with --data.`,
    examples: [
      'sign GET http://127.0.0.1:3000/v2/topic\n--key keys.json',
      'sign POST http://127.0.0.1:3000/v2/topic\n--key keys.json --data @topic.json --curl | curl -K -'
    ],
    flags: FLAGS,
    notes: [`Without --curl, your own --header fields are not printed, because they can be
secret. With --curl, all fields and the body are in files that only you can
read, and the arguments name these files. The arguments contain no spaces, so
curl $(fastify-reason-phrase sign ... --curl) works in each shell.`, KEY_HELP, 'Exit code: 0 the request is signed; 64 invalid arguments.']
  }),
  async run (args, streams, env) {
    const { positionals, values } = parseArguments(args, FLAGS)
    const { method, url, headers, body, idempotencyKey: given } = await readRequest('sign', positionals, values, streams)
    const key = await readKey(values.key, streams, env)
    if (key === undefined) throw new UsageError(`sign needs a key: --key, or the environment variable ${KEY_VARIABLE}`)
    const { request, idempotencyKey } = await explainErrors(async () => {
      const idempotencyKey = resolveKey(given)
      const unsigned = createRequest(url.origin, method, url.pathname + url.search, { headers, body, idempotencyKey })
      return { request: await signer(key)(unsigned), idempotencyKey }
    })
    if (given === true) await writeAll(streams.stderr, `${PROGRAM_PREFIX}idempotency key: ${idempotencyKey}\n`)
    const fields = [...request.headers]
    const lines = values.curl
      ? createCurlArguments(request, fields, body)
      : fields.filter(([name]) => !isGiven(name, values.header)).map(([name, value]) => `${name}: ${value}`)
    await writeAll(streams.stdout, lines.map(line => `${line}\n`).join(''))
    return 0
  }
}

/** Returns whether the user has given a field by `--header`. */
function isGiven (name: string, lines: string[] = []): boolean {
  return lines.some(line => line.slice(0, line.indexOf(':')).toLowerCase() === name)
}
