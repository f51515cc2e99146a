/** When a client can try again after a 503, in seconds: the value of `Retry-After` (RFC 9110 section 10.2.3). */
export const RETRY_AFTER_SECONDS = 5

/** Reports that a dependency does not respond: 503, with a message for clients and a `Retry-After`. */
export class ServiceUnavailable extends Error {
  statusCode = 503
  headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
  expose = true
}
