import type { OnAttempt } from '../client/index.js'
import type { Failure } from '../client/retry.js'
import { PROGRAM_PREFIX, writeAll, type Streams } from './command.js'
import { formatDuration } from './duration.js'
import { toOneLine } from './format-result.js'

/**
 * Returns a function that reports to standard error: before the first attempt the idempotency key, if the command has made
 * it, and before each repetition why and when the request is repeated.
 */
export function reportAttempts ({ stderr }: Streams, isNewKey: boolean): OnAttempt {
  return async ({ attempt, idempotencyKey, result, delay }) => {
    if (result !== undefined) {
      // A success is not repeated.
      const { status, reason } = result as Failure
      const title = status === undefined ? '' : `${status} `
      await writeAll(stderr, `${PROGRAM_PREFIX}attempt ${attempt - 1}: ${title}${toOneLine(reason)}; next in ${formatDuration(delay)}\n`)
    } else if (isNewKey) {
      await writeAll(stderr, `${PROGRAM_PREFIX}idempotency key: ${idempotencyKey}\n`)
    }
  }
}
