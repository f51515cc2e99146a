/**
 * The status codes of unsuccessful responses (`docs/contract.md`), each with its default reason phrase, its reply decorator
 * and its meaning. Decorators, the OpenAPI document and the conformance kit are derived from this table.
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

/** Returns a new map from status code to reason phrase. */
export function createPhrases (): Map<number, string> {
  const map = new Map<number, string>()
  for (const [statusCode, { phrase }] of Object.entries(STATUS_CODES)) map.set(Number(statusCode), phrase)
  return map
}

/** Returns whether a response with this status code is unsuccessful, and so has no body. */
export function isUnsuccessful (statusCode: number): boolean {
  return statusCode >= 400
}

/**
 * Returns the x00 status code of a class: 400 or 500. A client treats an unknown status code as this one
 * (RFC 9110 section 15). A status code above 599 counts as 500.
 */
export function toClassCode (statusCode: number): 400 | 500 {
  return isServerError(statusCode) ? 500 : 400
}

/** Returns the meaning of a status code: from the table, or the reason phrase if the table does not have the status code. */
export function meaningOf (statusCode: number, phrase: string): string {
  return (STATUS_CODES as Record<number, { meaning: string }>)[statusCode]?.meaning ?? `${phrase}.`
}

/** Returns whether the status code is a 5xx: the operation may or may not have happened (`docs/contract.md`). */
export function isServerError (statusCode: number): boolean {
  return statusCode >= 500
}
