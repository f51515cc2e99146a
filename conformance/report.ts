import { toPrintable } from './printable.js'
import type { Violation } from './rules.js'
import type { ProbeResult } from './run-probes.js'
import { isUntested } from './untested.js'

// A scenario sends more requests than a probe on one connection, so more bytes are shown.
const MAX_SHOWN_SCENARIO_BYTES = 20_000

/** Returns a violation as one line. */
export function formatViolation ({ rule, found, responseIndex }: Violation): string {
  if (isUntested({ rule })) return `could not be tested: ${found}. ${rule.text}.`
  const where = responseIndex === undefined ? '' : ` in response ${responseIndex + 1}`
  return `${rule.id}${where}: ${found}. ${rule.text} (${rule.source}).`
}

/** Returns the details of a result for a report: the texts of the probe, and the bytes that were sent and received. */
export function describeResult ({ probe, exchange }: ProbeResult) {
  const maxBytes = 'run' in probe ? MAX_SHOWN_SCENARIO_BYTES : undefined
  return {
    sends: probe.sends,
    requires: probe.requires,
    why: probe.why,
    source: probe.source,
    sent: toPrintable(exchange.sent, maxBytes),
    received: toPrintable(exchange.received, maxBytes, exchange.receivedLength),
    connection: exchange.end
  }
}

/** Returns the probe, its violations, and the bytes that were sent and received, as lines of text. */
export function formatResult (result: ProbeResult): string {
  const { sends, source, sent, received, connection } = describeResult(result)
  return [
    `${result.probe.id}: ${sends} (${source})`,
    ...result.violations.map(violation => `  ${formatViolation(violation)}`),
    '  sent', indent(sent), `  received (connection: ${connection})`, indent(received)
  ].join('\n')
}

/** Returns a text with an indent before each line. Default: four spaces. */
export function indent (text: string, by = '    '): string {
  return text.trimEnd().split('\n').map(line => by + line).join('\n')
}
