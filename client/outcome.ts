/**
 * What became of an operation (`responses.md`): `success` with a 2xx;
 * `rejected` with a 4xx, so that nothing happened; `unknown` with a 5xx and
 * with whatever else proves neither, since it may have succeeded.
 */
export type Outcome = 'success' | 'rejected' | 'unknown'

/** What of a response tells its outcome. A `Response` of fetch is one. */
export interface ResponseHead {
  status: number
  statusText: string
  headers: { get (name: string): string | null }
}

/** How to read a response. */
export interface OutcomeOptions {
  /** The name of the header that carries the reason. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
}

/** The outcome of an operation, as its response tells it. */
export interface ResponseOutcome {
  outcome: Outcome
  status: number
  /** From the header, else the status text, else the status itself. */
  reason: string
  /** Seconds from now, of `Retry-After` (RFC 9110 section 10.2.3). Absent where there is none, or a malformed one. */
  retryAfter?: number
}

/** Reads the outcome of an operation from its response, and leaves the body alone. */
export function outcomeOf ({ status, statusText, headers }: ResponseHead, { header = 'EB-REASON-PHRASE' }: OutcomeOptions = {}): ResponseOutcome {
  const reason = headers.get(header) || statusText || `HTTP status ${status}`
  return { outcome: outcomeOfStatus(status), status, reason, ...delay(headers.get('retry-after') ?? '') }
}

function outcomeOfStatus (status: number): Outcome {
  if (status >= 200 && status < 300) return 'success'
  return status >= 400 && status < 500 ? 'rejected' : 'unknown'
}

const SECONDS = /^\d{1,15}$/

// The three forms of RFC 9110 section 5.6.7; the last one names no time zone, and has UTC.
const DATE = /^\w+, \d\d(?: \w+ \d{4}|-\w+-\d\d) \d\d:\d\d:\d\d GMT$|^\w+ \w+ [ \d]\d \d\d:\d\d:\d\d \d{4}$/

function delay (value: string): { retryAfter?: number } {
  if (SECONDS.test(value)) return { retryAfter: Number(value) }
  const time = DATE.test(value) ? Date.parse(value.endsWith('GMT') ? value : `${value} GMT`) : NaN
  return Number.isNaN(time) ? {} : { retryAfter: Math.max(0, Math.ceil((time - Date.now()) / 1000)) }
}
