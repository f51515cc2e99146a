/** How a call was made. All of this is absent if the call has no idempotency key and the client has no option `retry`. */
interface CallDetails {
  /** The idempotency key, if there is one. Save it if the outcome is unknown: `settle()` takes it. */
  idempotencyKey?: string
  /** The number of attempts, including those that could not be sent. */
  attempts?: number
  /** Whether the service replayed a recorded response instead of executing the request. */
  replayed?: boolean
}

/** The operation succeeded. */
export interface Success<Body = unknown> extends CallDetails {
  outcome: 'success'
  status: number
  /** The header fields of the response. A page of another origin can read only the fields that the service exposes. */
  headers: Headers
  /** Parsed JSON, a string for `text/*`, a `Uint8Array` for any other media type, or undefined if the body is empty. */
  body: Body
}

/** The operation was rejected. It did not happen. */
export interface Rejected extends CallDetails {
  outcome: 'rejected'
  /** Absent if the request was not sent, or if `settle()` closed its key. */
  status?: number
  /** The header fields of the response. Absent if there is no status. */
  headers?: Headers
  /** Why the operation was rejected: the message of the service, or of the error that prevented the request from being sent. */
  reason: string
  /** When to try again, in seconds from now. Absent if the response does not say it. */
  retryAfter?: number
  /** The id under which the service has logged the request. Absent if the response does not contain it. */
  requestId?: string
  /** The error that prevented the request from being sent. */
  cause?: unknown
}

/** The operation may or may not have happened. Settle its key, or check before you repeat it. */
export interface Unknown extends CallDetails {
  outcome: 'unknown'
  /**
   * The status code of the last attempt. Absent if there was no response. A 2xx here means that the response body could not
   * be read. A 4xx means that the last attempt was rejected, but an earlier one may have succeeded.
   */
  status?: number
  /** The header fields of the response. Absent if there was no response. */
  headers?: Headers
  /** Why the outcome is unknown: the message of the service, or of an error. */
  reason: string
  /** When to try again, in seconds from now. Absent if the response does not say it. */
  retryAfter?: number
  /** The id under which the service has logged the request. Absent if the response does not contain it. */
  requestId?: string
  /** The error of the connection or of the response body, if there was one. */
  cause?: unknown
}

/** The result of a call. Its `outcome` tells which other properties it has. */
export type Result<Body = unknown> = Success<Body> | Rejected | Unknown

/** The result of a call with an idempotency key. */
export type KeyedResult<Body = unknown> = Result<Body> & Required<CallDetails>

/** Returns a copy of a result with the details of its call. */
export function describeResult<Body> (result: Result<Body>, idempotencyKey: string, attempts: number): KeyedResult<Body>
export function describeResult<Body> (result: Result<Body>, idempotencyKey: string | undefined, attempts: number): Result<Body>
export function describeResult (result: Result, idempotencyKey: string | undefined, attempts: number): Result {
  const replayed = result.headers?.get('idempotent-replayed') === 'true'
  return { replayed, ...result, attempts, ...idempotencyKey !== undefined && { idempotencyKey } }
}
