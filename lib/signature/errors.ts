/** Reports a missing or invalid signature: 401. The message tells the client what to change. */
export class SignatureError extends Error {
  statusCode = 401
  headers: Record<string, string> = {}

  constructor (message: string) {
    const { stackTraceLimit } = Error
    // Anybody can send a request with an invalid signature, and a stack trace would take half of its time.
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
  }
}

/**
 * Reports that the nonce of a valid signature was used before: 503. The service
 * received the request before, and may have processed it, so a 4xx would be
 * wrong. There is no `Retry-After`, because the same request can never pass.
 */
export class NonceReusedError extends Error {
  statusCode = 503
  expose = true

  constructor () {
    super('The nonce was used before, so this request may have been processed')
  }
}
