import { isUnsuccessful } from '../lib/status-codes.js'
import type { ResponseSyntaxError } from './exchange/response-reader.js'
import type { HttpResponse } from './exchange/response.js'
import { toPrintable } from './printable.js'
import { EXCHANGE_RULES, NO_BODY_RULE, type Violation } from './rules.js'

/** The most bytes of a malformed response that a violation shows. */
export const MAX_SHOWN_BYTES = 200

/**
 * Returns the violation of bytes that are no complete response. After a
 * response without a body, such bytes are its body.
 *
 * @param before the last complete response before the bytes
 */
export function toSyntaxViolation ({ message, bytes, isTruncated }: ResponseSyntaxError, before: HttpResponse | undefined): Violation {
  const shown = toPrintable(bytes, MAX_SHOWN_BYTES)
  if (before === undefined || isTruncated) return { rule: EXCHANGE_RULES.syntax, found: `${message}: ${shown}` }
  const isBody = before.method === 'HEAD' || isUnsuccessful(before.statusCode)
  return { rule: isBody ? NO_BODY_RULE : EXCHANGE_RULES.oneAnswer, found: `bytes after the response: ${shown}` }
}
