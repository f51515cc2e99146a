import { isUnsuccessful } from '../lib/status-codes.js'
import type { ResponseSyntaxError } from './exchange/response-reader.js'
import type { HttpResponse } from './exchange/response.js'
import { toPrintable } from './printable.js'
import { EXCHANGE_RULES, NO_BODY_RULE, type Violation } from './rules.js'

/** The maximum number of bytes of a malformed response that a violation shows. */
export const MAX_SHOWN_BYTES = 200

/**
 * Returns the violation for bytes that are not a complete response. After a
 * response that must not have a body, such bytes are reported as its body.
 *
 * @param before the last complete response before the bytes. Undefined if there is none.
 */
export function toSyntaxViolation ({ message, bytes, isTruncated }: ResponseSyntaxError, before: HttpResponse | undefined): Violation {
  const shown = toPrintable(bytes, MAX_SHOWN_BYTES)
  if (before === undefined || isTruncated) return { rule: EXCHANGE_RULES.syntax, found: `${message}: ${shown}` }
  const isBody = before.method === 'HEAD' || isUnsuccessful(before.statusCode)
  return { rule: isBody ? NO_BODY_RULE : EXCHANGE_RULES.oneAnswer, found: `bytes after the response: ${shown}` }
}
