/**
 * The outcome of an operation (`docs/contract.md`):
 *
 * - `success`: the response is a 2xx.
 * - `rejected`: the response is a 4xx. The operation did not happen.
 * - `unknown`: anything else, such as a 5xx. The operation may or may not have happened.
 */
export type Outcome = 'success' | 'rejected' | 'unknown'

/** The parts of a response that `outcomeOf()` reads. A `Response` of fetch has them. */
export interface ResponseHead {
  status: number
  statusText: string
  headers: { get (name: string): string | null }
}

/** How to read a response. */
export interface OutcomeOptions {
  /** The name of the header that carries the reason. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** The name of the header that carries the id of the request. Default: `x-request-id`. */
  requestIdHeader?: string | undefined
}

/** The outcome of an operation, read from its response. */
export interface ResponseOutcome {
  outcome: Outcome
  status: number
  /** The value of the header. If it is missing or empty, the status text. If that is empty too, a text with the status code. */
  reason: string
  /** The delay of `Retry-After` (RFC 9110 section 10.2.3) in seconds from now. Absent if the field is missing or malformed. */
  retryAfter?: number
  /** The id under which the service has logged the request. Absent if the response does not contain it. */
  requestId?: string
}

/**
 * Returns the outcome of an operation, read from the head of its response. Does not read the body.
 *
 * @throws {TypeError} if a header name in the options is invalid, and `headers` are those of fetch
 */
export function outcomeOf ({ status, statusText, headers }: ResponseHead, { header = 'EB-REASON-PHRASE', requestIdHeader = 'x-request-id' }: OutcomeOptions = {}): ResponseOutcome {
  const reason = headers.get(header) || statusText || `HTTP status ${status}`
  const requestId = headers.get(requestIdHeader)
  return { outcome: toOutcome(status), status, reason, ...parseRetryAfter(headers.get('retry-after') ?? ''), ...requestId && { requestId } }
}

function toOutcome (status: number): Outcome {
  if (status >= 200 && status < 300) return 'success'
  return status >= 400 && status < 500 ? 'rejected' : 'unknown'
}

const SECONDS_PATTERN = /^\d{1,15}$/

// The three date formats of RFC 9110 section 5.6.7. The last one has no time zone, and is in UTC.
const DATE_PATTERN = /^\w+, \d\d(?: \w+ \d{4}|-\w+-\d\d) \d\d:\d\d:\d\d GMT$|^\w+ \w+ [ \d]\d \d\d:\d\d:\d\d \d{4}$/

function parseRetryAfter (value: string): { retryAfter?: number } {
  if (SECONDS_PATTERN.test(value)) return { retryAfter: Number(value) }
  const time = DATE_PATTERN.test(value) ? Date.parse(value.endsWith('GMT') ? value : `${value} GMT`) : NaN
  return Number.isNaN(time) ? {} : { retryAfter: Math.max(0, Math.ceil((time - Date.now()) / 1000)) }
}
