import type { OnAttempt } from '../client/index.js'
import type { Failure } from '../client/retry.js'
import { PROGRAM_PREFIX, writeAll, type Streams } from './command.js'
import { formatDuration } from './duration.js'
import { toOneLine } from './format-result.js'

/**
 * Returns a function that reports attempts to standard error. Before the first attempt, it prints the idempotency key if the
 * command has created it. Before each retry, it prints why and when the request is retried.
 */
export function reportAttempts ({ stderr }: Streams, isNewKey: boolean): OnAttempt {
  return async ({ attempt, idempotencyKey, result, delay }) => {
    if (result !== undefined) {
      // A success is never retried, so the result has a reason.
      const { status, reason } = result as Failure
      const title = status === undefined ? '' : `${status} `
      await writeAll(stderr, `${PROGRAM_PREFIX}attempt ${attempt - 1}: ${title}${toOneLine(reason)}; next in ${formatDuration(delay)}\n`)
    } else if (isNewKey) {
      await writeAll(stderr, `${PROGRAM_PREFIX}idempotency key: ${idempotencyKey}\n`)
    }
  }
}
