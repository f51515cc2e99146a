/**
 * The status codes of unsuccessful responses (`responses.md`): for each the
 * phrase that is sent when there is nothing better to say, and the name of
 * the reply decorator that answers with it. Everything else that is known of
 * status codes here is derived from this table.
 */
export const STATUS_CODES = {
  400: { phrase: 'Bad Request', decorator: 'badRequest' },
  401: { phrase: 'Unauthorized', decorator: 'unauthorized' },
  403: { phrase: 'Forbidden', decorator: 'forbidden' },
  404: { phrase: 'Not Found', decorator: 'notFound' },
  422: { phrase: 'Unprocessable Entity', decorator: 'unprocessable' },
  500: { phrase: 'Internal Server Error', decorator: 'internalServerError' },
  501: { phrase: 'Not Implemented', decorator: 'notImplemented' },
  503: { phrase: 'Service Unavailable', decorator: 'serviceUnavailable' }
} as const

/** From status code to phrase, in a new map that can be extended. */
export function phrases (): Map<number, string> {
  const map = new Map<number, string>()
  for (const [statusCode, { phrase }] of Object.entries(STATUS_CODES)) map.set(Number(statusCode), phrase)
  return map
}

/** Whether a response with this status code is unsuccessful, and so has no body. */
export function isUnsuccessful (statusCode: number): boolean {
  return statusCode >= 400
}

/**
 * The x00 code of the class, as a recipient reads a code it does not know
 * (RFC 9110 section 15). What is in no class at all is the server's fault.
 */
export function classOf (statusCode: number): 400 | 500 {
  return statusCode < 500 ? 400 : 500
}
