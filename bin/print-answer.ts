import type { Outcome } from '../client/index.js'
import type { Values } from './arguments.js'
import type { Answer } from './client-arguments.js'
import { EXIT_SOFTWARE, PROGRAM_PREFIX, writeAll, type Environment, type Streams } from './command.js'
import type { OUTCOME_FLAGS } from './flags.js'
import { formatBody, formatHead, formatJson, formatNotes, formatTitle, withoutControls } from './format-result.js'
import { writeOutput } from './output.js'

const EXIT_CODES: Record<Outcome, number> = { success: 0, rejected: 1, unknown: 2 }

/**
 * Prints the outcome and the body of a response, and returns the exit code for the outcome. On a terminal, both are printed to
 * standard output. A pipe, or the file of `--output`, gets only the body of a success, byte for byte. Then the outcome is
 * printed to standard error.
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
    // Like curl, create the file for an empty body too, but not if there is nothing to write.
    if (data.length === 0 && result.outcome !== 'success') return EXIT_CODES[result.outcome]
  }
  const fault = await writeOutput(data, output, streams)
  if (fault === undefined) return EXIT_CODES[result.outcome]
  await writeAll(stderr, `${PROGRAM_PREFIX}${fault}\n`)
  return EXIT_SOFTWARE
}
