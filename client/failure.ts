// How Node names a connection that failed. A client of TLS sends nothing to a server that it does not trust.
const NO_CONNECTION = /^(?:connect|getaddrinfo|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|(?:CERT|CRL|DEPTH_ZERO|ERR_TLS_CERT|SELF_SIGNED|UNABLE_TO)_\w+)$/

// How fetch in Node refuses a port that no page may ask (Fetch standard, section 2.9).
const BLOCKED = 'bad port'

interface Failure { code?: string, errors?: unknown[], message?: string, syscall?: string }

/** Whether what was thrown proves that the request never left. In a browser nothing does. */
export function neverLeft (thrown: unknown): boolean {
  const { code = '', errors = [], message, syscall = '' } = failureOf(thrown)
  // A host can have several addresses, and each an error of its own.
  return errors.length > 0 ? errors.every(neverLeft) : NO_CONNECTION.test(code) || NO_CONNECTION.test(syscall) || message === BLOCKED
}

/** What went wrong, in words. */
export function reasonOf (thrown: unknown): string {
  const { errors, message } = failureOf(thrown)
  return message || (errors ? reasonOf(errors[0]) : String(thrown))
}

/** The TypeError of fetch says that it failed, and its cause says why. */
function failureOf (thrown: unknown): Failure {
  return Object(thrown instanceof TypeError && thrown.cause ? thrown.cause : thrown)
}
