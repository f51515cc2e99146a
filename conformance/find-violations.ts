import { isUnsuccessful } from '../lib/status-codes.js'
import { MAX_EXCHANGE_BYTES, type Exchange } from './exchange/exchange.js'
import type { ResponseSyntaxError } from './exchange/response-reader.js'
import { isLastOnConnection } from './exchange/response.js'
import { toPrintable } from './printable.js'
import type { ConnectionProbe } from './probes/probe.js'
import { checkResponse, EXCHANGE_RULES, type Violation } from './rules.js'
import { MAX_SHOWN_BYTES, toSyntaxViolation } from './syntax-violation.js'
import type { Target } from './target.js'

/** What is required of an exchange, besides the rules for each response. */
export type Requirements = Pick<ConnectionProbe, 'protocol' | 'answers' | 'check'>

/** Returns the violations in what was exchanged on one connection. */
export function findViolations (probe: Requirements, exchange: Exchange, { contract }: Target): Violation[] {
  const { responses, syntaxError, connectError, end } = exchange
  const [least, most] = probe.answers
  if (connectError !== undefined) return [{ rule: EXCHANGE_RULES.answered, found: connectError.message }]

  const violations = responses.flatMap((response, responseIndex) =>
    checkResponse(response, contract).map((violation): Violation => ({ ...violation, responseIndex })))
  const syntaxViolation = syntaxError && findSyntaxViolation(syntaxError, exchange, probe)
  if (syntaxViolation !== undefined) violations.push(syntaxViolation)
  // A truncated success counts as a response, because a stream that fails ends like this.
  const count = syntaxError?.response === undefined ? responses.length : responses.length + 1
  // HTTP/2 requests are always complete, so a server that sends nothing until the timeout does not wait for more bytes.
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

// After a 100, a server waits for the rest of the request.
const CONTINUE_PATTERN = /^HTTP\/1\.1 100[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n$/

/** Returns the violation of bytes that are no complete response, or undefined if they are allowed. */
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
    // The server closed the connection. A stream that fails ends a success like this.
    case 'closed': return statusCode === undefined || isUnsuccessful(statusCode) ? toViolation(error.message) : undefined
    case 'left': return responses.length < most ? undefined : { rule: EXCHANGE_RULES.oneAnswer, found: `bytes after the response: ${shown}`, responseIndex: lastIndex }
    // The connection was lost, which can happen at any time.
    case 'reset': return undefined
  }
}
