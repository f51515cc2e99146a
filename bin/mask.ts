import type { ProbeResult } from '../conformance/run-probes.js'

/** Returns a result without the values of header fields that can be secret. */
export type Mask = (result: ProbeResult) => ProbeResult

const HIDDEN = '[hidden]'

// The values of these fields are not secret, and a response can contain the same text for other reasons.
const PUBLIC_FIELD = /^(?:accept(?:-.*)?|content-type|origin|user-agent)$/

// Shorter texts are not hidden, because the same text can occur elsewhere in a response.
const MIN_SECRET_LENGTH = 8

/** Returns a mask that hides the values of these header fields, in requests and where a server repeats them in responses. */
export function createMask (fields: ReadonlyArray<readonly [name: string, value: string]>): Mask {
  if (fields.length === 0) return result => result
  const names = fields.map(([name]) => name.replace(/[^\w-]/g, '\\$&')).join('|')
  const lines = new RegExp(`^((?:${names}):[ \\t]*)[^\\r\\n]+`, 'gim')
  const secrets = fields
    .filter(([name]) => !PUBLIC_FIELD.test(name))
    // Also hide a token without its scheme, such as Bearer, because a server can repeat only the token.
    .flatMap(([, value]) => [value, value.slice(value.indexOf(' ') + 1)])
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
  const hide = (text: string): string => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text.replace(lines, `$1${HIDDEN}`))
  const hideBytes = (bytes: Uint8Array): Uint8Array => Buffer.from(hide(Buffer.from(bytes).toString('latin1')), 'latin1')

  return ({ exchange, violations, ...result }) => {
    const received = hideBytes(exchange.received)
    return {
      ...result,
      exchange: { ...exchange, sent: hideBytes(exchange.sent), received, receivedLength: exchange.receivedLength - exchange.received.length + received.length },
      violations: violations.map(violation => ({ ...violation, found: hide(violation.found) }))
    }
  }
}
