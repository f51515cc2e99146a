import type { Result } from '../client/index.js'
import type { ClientValues } from './client-arguments.js'
import { PROGRAM_PREFIX, writeAll, type Streams } from './command.js'
import { toPrintableKey } from './key.js'

// Words of these characters are printed without quotes.
const PLAIN_WORD = /^[\w@:,./+-]+$/

// With these states, the service will never report the outcome for this key. The reason of the result says what to do.
const HOPELESS_STATUS = /^(?:expired|mismatch)$/

/**
 * Prints the command that settles an operation to standard error, if the outcome is unknown and the operation has an
 * idempotency key. The command contains no secret: a signing key that is not in a file is replaced by standard input, and
 * header fields are left out.
 *
 * @param origin the origin of the service
 * @param values the options of the command that was run
 */
export async function printSettleHint ({ outcome, idempotencyKey, headers }: Result, origin: string, values: ClientValues, { stderr }: Streams): Promise<void> {
  if (outcome !== 'unknown' || idempotencyKey === undefined || HOPELESS_STATUS.test(headers?.get('idempotency-status') ?? '')) return
  const { outcomes, 'reason-header': reasonHeader } = values
  const key = values.key === undefined ? undefined : toPrintableKey(values.key)
  const options = [...toOption('url', origin), ...toOption('key', key), ...toOption('outcomes', outcomes), ...toOption('reason-header', reasonHeader)]
  // Write -- before an idempotency key that looks like an option.
  const words = idempotencyKey.startsWith('-') ? [...options, '--', idempotencyKey] : [idempotencyKey, ...options]

  const lines = [`${PROGRAM_PREFIX}this command settles the operation:`, `  npx fastify-reason-phrase settle ${words.map(quote).join(' ')}`]
  if (key === '-') lines.push('Pass the signing key on standard input.')
  if (values.header !== undefined) lines.push('Add your --header options. They are not printed, because they can be secret.')
  await writeAll(stderr, `${lines.join('\n')}\n`)
}

function toOption (name: string, value: string | undefined): string[] {
  if (value === undefined) return []
  return /^-./s.test(value) ? [`--${name}=${value}`] : [`--${name}`, value]
}

/** Returns a word with quotes for a POSIX shell, if it needs them. */
function quote (word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
