/**
 * The status codes of unsuccessful responses (`responses.md`): for each the
 * phrase that is sent when there is nothing better to say, the name of the
 * reply decorator that answers with it, and what it means. Everything else
 * that is known of status codes here is derived from this table.
 */
export const STATUS_CODES = {
  400: {
    phrase: 'Bad Request',
    decorator: 'badRequest',
    meaning: 'The request is malformed, too large, or cannot be processed as it is.'
  },
  401: {
    phrase: 'Unauthorized',
    decorator: 'unauthorized',
    meaning: 'The request was not constructed and signed correctly.'
  },
  403: {
    phrase: 'Forbidden',
    decorator: 'forbidden',
    meaning: 'The permission for the requested action on the resource is missing.'
  },
  404: {
    phrase: 'Not Found',
    decorator: 'notFound',
    meaning: 'There is no such resource.'
  },
  422: {
    phrase: 'Unprocessable Entity',
    decorator: 'unprocessable',
    meaning: 'The request is well-formed, but cannot be followed because of semantic errors.'
  },
  500: {
    phrase: 'Internal Server Error',
    decorator: 'internalServerError',
    meaning: 'The server has a problem.'
  },
  501: {
    phrase: 'Not Implemented',
    decorator: 'notImplemented',
    meaning: 'This is not implemented yet.'
  },
  503: {
    phrase: 'Service Unavailable',
    decorator: 'serviceUnavailable',
    meaning: 'The service is temporarily offline.'
  }
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
  return isServerError(statusCode) ? 500 : 400
}

/** What a status code of the table means; of one that extends it, its phrase is all that is known. */
export function meaningOf (statusCode: number, phrase: string): string {
  return (STATUS_CODES as Record<number, { meaning: string }>)[statusCode]?.meaning ?? `${phrase}.`
}

/** Whether the execution status of a request with this answer is unknown (`responses.md`). */
export function isServerError (statusCode: number): boolean {
  return statusCode >= 500
}
