import type { FastifyContextConfig, RouteOptions } from 'fastify'
import { isServerError } from '../../lib/status-codes.js'
import { isIdempotent, isOutcomeRoute } from '../reason-phrase/idempotent-routes.js'
import { addFields, referToFields, type FieldName } from './header-fields.js'
import type { Json } from './json.js'

/** The kind of a route: its requests can or must have a key, or return the outcome of a key. */
type Kind = 'optional' | 'required' | 'outcome'

// Carries the kind of an operation from the schema of its route to the complete document.
const KIND = 'x-reason-phrase-idempotency'

const UNUSABLE = 'The Idempotency-Key was used for another request, was closed, or has expired. This request did nothing.'
const UNDECIDED = 'Another request with this Idempotency-Key is being executed, or the store of the keys is unavailable. Repeat the request with the same key.'

/** The meanings of the refusals of the idempotency plugin, by status code. The outcome routes describe their own refusals. */
const REFUSALS: Record<Kind, Record<number, string>> = {
  optional: { 400: 'The Idempotency-Key is malformed.', 422: UNUSABLE, 503: UNDECIDED },
  required: { 400: 'The Idempotency-Key is missing or malformed.', 422: UNUSABLE, 503: UNDECIDED },
  outcome: {}
}

/** Returns the meanings of the refusals of a route, by status code. */
export function getRefusals ({ config }: RouteOptions): Record<number, string> {
  const kind = getKind(config)
  return kind === undefined ? {} : REFUSALS[kind]
}

/** Returns the URL of a route for the document. An outcome route has a wildcard, because Fastify limits the length of a parameter. */
export function getDocumentUrl ({ url, config }: RouteOptions): string {
  return getKind(config) === 'outcome' ? url.replace(/\*$/, ':key') : url
}

/** Returns additions to the schema of a route. {@link completeIdempotency} uses them in the complete document. */
export function describeIdempotency ({ config, schema }: RouteOptions, { components }: Json): Json {
  const kind = getKind(config)
  if (kind === undefined) return {}
  addFields(components, ['Idempotency-Status', 'Idempotent-Replayed', 'Retry-After'])
  return { [KIND]: kind, ...(kind === 'outcome' && { params: renameWildcard(schema!.params as Json) }) }
}

function renameWildcard ({ properties, ...params }: Json): Json {
  return { ...params, properties: { key: properties['*'] }, required: ['key'] }
}

function getKind (config: FastifyContextConfig = {}): Kind | undefined {
  if (isOutcomeRoute(config)) return 'outcome'
  return isIdempotent(config) ? config.idempotency : undefined
}

/** Adds the request field and the response fields to an operation. */
export function completeIdempotency (operation: Json): void {
  const kind: Kind | undefined = operation[KIND]
  if (kind === undefined) return
  delete operation[KIND]
  if (kind !== 'outcome') addKey(operation, kind === 'required')
  for (const [statusCode, response] of Object.entries<Json>(operation.responses)) {
    const names = getFields(kind, Number(statusCode))
    // A reference is shared by all operations, so it cannot have fields of this operation.
    if (names.length > 0 && response.$ref === undefined) response.headers = { ...referToFields(names), ...response.headers }
  }
}

function addKey (operation: Json, required: boolean): void {
  const parameters: Json[] = operation.parameters ?? []
  // The route may have its own schema for the field.
  if (parameters.some(parameter => parameter.in === 'header' && parameter.name.toLowerCase() === 'idempotency-key')) return
  operation.parameters = [...parameters, {
    name: 'Idempotency-Key',
    in: 'header',
    required,
    description: 'Names the operation, among those of the same caller. Repetitions with the same key take effect once, and get the recorded response. ' +
      'Printable ASCII: a plain value without quotes and commas, or a quoted string.',
    schema: { type: 'string', minLength: 1, maxLength: 255 }
  }]
}

function getFields (kind: Kind, statusCode: number): FieldName[] {
  if (statusCode === 503) return ['Idempotency-Status', 'Retry-After']
  if (kind === 'outcome') return statusCode === 422 || statusCode === 200 ? ['Idempotency-Status'] : []
  // The key 2xx becomes NaN, which is not a server error.
  return isServerError(statusCode) ? [] : ['Idempotency-Status', 'Idempotent-Replayed']
}
