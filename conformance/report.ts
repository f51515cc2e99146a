import { printable } from './show.js'
import type { Result } from './run.js'
import type { Violation } from './rules.js'

/** A violation in a line. */
export function lineOf ({ rule, found, answer }: Violation): string {
  const where = answer === undefined ? '' : ` in answer ${answer + 1}`
  return `${rule.id}${where}: ${found}. ${rule.text} (${rule.source}).`
}

/** What a person needs to see what went wrong. */
export function detailsOf ({ probe, exchange }: Result) {
  return {
    sends: probe.sends,
    requires: probe.requires,
    why: probe.why,
    source: probe.source,
    sent: printable(exchange.sent),
    received: printable(exchange.received, undefined, exchange.receivedLength),
    connection: exchange.end
  }
}
