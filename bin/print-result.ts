import type { Outcome, Result } from '../client/index.js'
import { writeAll, type Environment, type Streams } from './command.js'
import { formatForTerminal, formatJson, formatLines } from './format-result.js'

const EXIT_CODES: Record<Outcome, number> = { success: 0, rejected: 1, unknown: 2 }

/** Prints a result, and returns the exit code of its outcome. */
export async function printResult (result: Result, asJson: boolean | undefined, { stdout }: Streams, env: Environment): Promise<number> {
  await writeAll(stdout, formatResult(result, asJson, stdout, env))
  return EXIT_CODES[result.outcome]
}

function formatResult (result: Result, asJson: boolean | undefined, { isTTY }: Streams['stdout'], { NO_COLOR }: Environment): string | Uint8Array {
  if (asJson) return formatJson(result)
  return isTTY ? formatForTerminal(result, !NO_COLOR) : formatLines(result)
}
