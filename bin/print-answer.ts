import type { Outcome } from '../client/index.js'
import type { Values } from './arguments.js'
import type { Answer } from './client-arguments.js'
import { EXIT_SOFTWARE, PROGRAM_PREFIX, writeAll, type Environment, type Streams } from './command.js'
import type { OUTCOME_FLAGS } from './flags.js'
import { formatBody, formatHead, formatJson, formatNotes, formatTitle, withoutControls } from './format-result.js'
import { writeOutput } from './output.js'

const EXIT_CODES: Record<Outcome, number> = { success: 0, rejected: 1, unknown: 2 }

/**
 * Prints an answer, and returns the exit code of its outcome. A terminal gets all of it. A pipe, and the file of
 * `--output`, gets the body of a success as it was received; the outcome goes to standard error then.
 */
export async function printAnswer (answer: Answer, { json, include, output }: Values<typeof OUTCOME_FLAGS>, streams: Streams, env: Environment): Promise<number> {
  const { result, bytes } = answer
  const { stdout, stderr } = streams
  const head = include ? formatHead(answer) : ''

  let data: string | Uint8Array
  if (json) {
    data = formatJson(result, include)
  } else if (stdout.isTTY && output === undefined) {
    const body = result.outcome === 'success' && result.body !== undefined ? formatBody(result.body) : ''
    data = [formatTitle(result, !env.NO_COLOR), withoutControls(head).trimEnd(), body].filter(Boolean).join('\n\n') + '\n'
  } else {
    await writeAll(stderr, stderr.isTTY ? `${formatTitle(result, !env.NO_COLOR)}\n` : formatNotes(result))
    const content = [Buffer.from(head, 'latin1'), ...result.outcome === 'success' ? [bytes] : []]
    data = Buffer.concat(content)
    // As with curl, a file is created for an empty body as well, but not if there is nothing to write.
    if (data.length === 0 && result.outcome !== 'success') return EXIT_CODES[result.outcome]
  }
  const fault = await writeOutput(data, output, streams)
  if (fault === undefined) return EXIT_CODES[result.outcome]
  await writeAll(stderr, `${PROGRAM_PREFIX}${fault}\n`)
  return EXIT_SOFTWARE
}
