import { isUnsuccessful } from '../lib/status-codes.js'
import { MAX_EXCHANGE_BYTES, type Exchange } from './exchange/exchange.js'
import type { ResponseSyntaxError } from './exchange/response-reader.js'
import { isLastOnConnection } from './exchange/response.js'
import { toPrintable } from './printable.js'
import type { ConnectionProbe } from './probes/probe.js'
import { checkResponse, EXCHANGE_RULES, type Violation } from './rules.js'
import { MAX_SHOWN_BYTES, toSyntaxViolation } from './syntax-violation.js'
import type { Target } from './target.js'

/**
 * The requirements for an exchange, in addition to the rules for each response.
 *
 * @internal
 */
export type Requirements = Pick<ConnectionProbe, 'protocol' | 'answers' | 'check'>

/**
 * Returns the violations in the exchange on one connection.
 *
 * @internal
 */
export function findViolations (probe: Requirements, exchange: Exchange, { contract }: Target): Violation[] {
  const { responses, syntaxError, connectError, end } = exchange
  const [least, most] = probe.answers
  if (connectError !== undefined) return [{ rule: EXCHANGE_RULES.answered, found: connectError.message }]

  const violations = responses.flatMap((response, responseIndex) =>
    checkResponse(response, contract).map((violation): Violation => ({ ...violation, responseIndex })))
  const syntaxViolation = syntaxError && findSyntaxViolation(syntaxError, exchange, probe)
  if (syntaxViolation !== undefined) violations.push(syntaxViolation)
  // Count a truncated success as a response: a server cannot report in another way that its stream has failed.
  const count = syntaxError?.response === undefined ? responses.length : responses.length + 1
  // HTTP/2 requests are always complete. So a server that sends nothing until the timeout is not waiting for more bytes: it
  // fails.
  const needed = probe.protocol === 'h2' && (end === 'timeout' || end === 'limit') ? Math.max(1, least) : least
  if (count < needed && syntaxViolation === undefined) {
    violations.push({ rule: EXCHANGE_RULES.answered, found: `${count} of ${needed} responses; connection: ${end}` })
  }
  if (responses.length > most) violations.push({ rule: EXCHANGE_RULES.oneAnswer, found: `${responses.length} responses to ${most} requests` })
  const last = probe.protocol === 'http/1.1' ? responses.findIndex(isLastOnConnection) : -1
  if (last >= 0 && last < responses.length - 1) {
    violations.push({ rule: EXCHANGE_RULES.closeIsLast, found: 'another response after it', responseIndex: last })
  }
  violations.push(...probe.check?.(exchange) ?? [])
  return violations
}

// A 100 without a final response is no violation, because the server then waits for the request body.
const CONTINUE_PATTERN = /^HTTP\/1\.1 100[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n$/

/** Returns the violation for bytes that are not a complete response, or undefined if they are allowed. */
function findSyntaxViolation (error: ResponseSyntaxError, { responses, end }: Exchange, { answers: [, most] }: Requirements): Violation | undefined {
  const { bytes, statusCode, isTruncated } = error
  const lastIndex = responses.length - 1
  const shown = toPrintable(bytes, MAX_SHOWN_BYTES)
  const toViolation = (reason: string): Violation => ({ rule: EXCHANGE_RULES.syntax, found: `${reason}: ${shown}`, responseIndex: responses.length })
  if (isTruncated && CONTINUE_PATTERN.test(Buffer.from(bytes).toString('latin1'))) return undefined
  if (!isTruncated) return { ...toSyntaxViolation(error, responses.at(-1)), responseIndex: Math.max(0, lastIndex) }
  switch (end) {
    case 'timeout': return toViolation('The response does not end in time')
    case 'limit': return toViolation(`The response does not end within ${MAX_EXCHANGE_BYTES} bytes`)
    // The server closed the connection. This is allowed in a success, because its stream can fail.
    case 'closed': return statusCode === undefined || isUnsuccessful(statusCode) ? toViolation(error.message) : undefined
    case 'left': return responses.length < most ? undefined : { rule: EXCHANGE_RULES.oneAnswer, found: `bytes after the response: ${shown}`, responseIndex: lastIndex }
    // A connection can be lost at any time, so this is no violation.
    case 'reset': return undefined
  }
}
