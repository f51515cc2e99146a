import type { Contract } from '../../lib/contract.js'
import type { IdempotencyStatus } from '../../lib/idempotency/refusals.js'
import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { REFERENCE_PREFIX, type Json } from './json.js'

const STATUSES: Record<IdempotencyStatus, string> = {
  succeeded: 'the operation happened, once',
  rejected: 'the operation was rejected, and did nothing',
  executing: 'another request with the key is being executed',
  mismatch: 'the key was used for another request',
  closed: 'the key was closed, so the operation did not happen and never will',
  expired: 'the key has expired, so the outcome of its operation is no longer known'
}

// A mock server sends the example of a field. Without one, it sends the text "string".
const FIELDS = {
  'Idempotency-Status': {
    description: `The state of the idempotency key. ${Object.entries(STATUSES).map(([status, meaning]) => `\`${status}\`: ${meaning}.`).join(' ')} ` +
      'A response without this field says nothing about the key.',
    schema: { type: 'string', enum: Object.keys(STATUSES) }
  },
  'Idempotent-Replayed': {
    description: 'The response was recorded when an earlier request with the idempotency key was executed.',
    schema: { type: 'string', enum: ['true'] }
  },
  'Retry-After': {
    description: 'When to repeat the request: a number of seconds, or a date.',
    schema: { type: 'string' },
    example: '30'
  }
}

/** The name of a header field that the components of the document describe. */
export type FieldName = keyof typeof FIELDS

/** Returns the header field of a response that creates or accepts something. */
export function createLocationField (): Json {
  return { description: 'The URL of the resource', schema: { type: 'string', format: 'uri-reference' }, example: '/resources/1' }
}

/** Returns the header fields of every error, by name: the message, and the id of the request if the service sends it. */
export function createErrorFields ({ header, requestId }: Contract): Json {
  const message = {
    description: 'The message of an unsuccessful response. Over HTTP/1.x its first 128 characters are the reason phrase, too.',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: MAX_HEADER_LENGTH, pattern: '^[ -~]*$' },
    example: 'The reason why the request was not successful'
  }
  const id = { description: 'The id of the request in the log of the service.', schema: { type: 'string' }, example: 'req-1' }
  return { [header]: message, ...(requestId && { [requestId.header]: id }) }
}

/** Adds header fields to the components of a document, except those that it has already. */
export function addFields (components: Json, names: readonly FieldName[]): void {
  const missing = names.filter(name => !Object.hasOwn(components.headers, name)).map(name => [name, FIELDS[name]])
  if (missing.length > 0) components.headers = { ...Object.fromEntries(missing), ...components.headers }
}

/** Returns the header fields of a response, as references to the components. */
export function referToFields (names: readonly string[]): Json {
  return Object.fromEntries(names.map(name => [name, { $ref: `${REFERENCE_PREFIX}headers/${name}` }]))
}
