const DATE_TIME = { type: 'string', format: 'date-time' }

/** The schema of the path parameters: the wildcard is the idempotency key. */
export const PARAMS = {
  type: 'object',
  required: ['*'],
  properties: {
    '*': { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]*$', description: 'The idempotency key, percent-encoded, and without quotes around it.' }
  }
}

/** The schema of the request body that closes a key. */
export const CLOSING = {
  type: 'object',
  required: ['state'],
  additionalProperties: false,
  properties: { state: { const: 'closed' } }
}

/** The schema of the outcome of a key. */
export const OUTCOME = {
  type: 'object',
  required: ['key', 'state'],
  properties: {
    key: { type: 'string', description: 'The idempotency key.' },
    state: {
      enum: ['executing', 'succeeded', 'rejected', 'closed'],
      description: '`executing`: a request with this key is being executed. `succeeded`: the operation happened. `rejected`: it did not happen, because the service has rejected it. `closed`: it did not happen, because the key was closed before. All but `executing` are final.'
    },
    statusCode: { type: 'integer', description: 'The status code of the recorded answer.' },
    reason: { type: 'string', description: 'The message of a rejection.' },
    headers: {
      type: 'object',
      description: 'The recorded header fields, with names in lower case.',
      additionalProperties: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }
    },
    body: { type: 'string', description: 'The recorded response body as it was sent. With `bodyEncoding`, it is encoded.' },
    bodyEncoding: { const: 'base64', description: 'The encoding of a body that is not UTF-8.' },
    createdAt: { ...DATE_TIME, description: 'When the request arrived, or when the key was closed. It is missing if another process executes the request, and only that process knows it.' },
    settledAt: { ...DATE_TIME, description: 'When the state became final.' }
  }
}
