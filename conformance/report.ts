import { toPrintable } from './printable.js'
import type { Violation } from './rules.js'
import type { ProbeResult } from './run-probes.js'

/** Returns a violation as one line. */
export function formatViolation ({ rule, found, responseIndex }: Violation): string {
  const where = responseIndex === undefined ? '' : ` in response ${responseIndex + 1}`
  return `${rule.id}${where}: ${found}. ${rule.text} (${rule.source}).`
}

/** Returns the details of a result for a report: the texts of the probe, and what was sent and received. */
export function describeResult ({ probe, exchange }: ProbeResult) {
  return {
    sends: probe.sends,
    requires: probe.requires,
    why: probe.why,
    source: probe.source,
    sent: toPrintable(exchange.sent),
    received: toPrintable(exchange.received, undefined, exchange.receivedLength),
    connection: exchange.end
  }
}
