import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { meaningOf } from '../../lib/status-codes.js'
import { isNotImplemented } from '../reason-phrase/not-implemented.js'
import { joinParagraphs, joinSentences, NOT_IMPLEMENTED } from './descriptions.js'
import { createErrorResponse } from './document.js'
import { completeIdempotency, describeIdempotency, getRefusals } from './idempotency.js'
import type { Json } from './json.js'
import { getSecurity } from './security.js'

// Carries the errors of an operation from the schema of its route to the complete document.
const ERRORS = 'x-reason-phrase-errors'

/** Returns the schema of a route with its security, with its errors, and with a note if it is not implemented. */
export function describeOperation (app: FastifyInstance, contract: Contract, route: RouteOptions, schema: FastifySchema | undefined, openapiObject: Json): Json {
  const security = getSecurity(app, route)
  const { description } = (schema ?? {}) as Json
  return {
    ...schema,
    ...(security && { security }),
    ...(isNotImplemented(route) && { 'x-not-implemented': true, description: joinParagraphs(description, NOT_IMPLEMENTED) }),
    ...describeIdempotency(route, openapiObject),
    [ERRORS]: createErrors(contract, route, security ?? openapiObject.security)
  }
}

/** Returns the unsuccessful responses of a route, by status code. */
function createErrors ({ header, phrases }: Contract, route: RouteOptions, security: Json[] | undefined): Json {
  const { config, schema } = route
  if (config?.reasonPhrase === false) return {}
  const { response } = (schema ?? {}) as Json
  const declared: Json = config?.errors ?? {}
  const refusals = getRefusals(route)
  const implied = getImpliedErrors(route, security)
  const documented = Object.keys({ ...declared, ...refusals, ...response }).map(Number).filter(statusCode => phrases.has(statusCode))

  const errors: Json = {}
  for (const statusCode of [...new Set([...documented, ...implied])].sort((a, b) => a - b)) {
    const meaning = declared[statusCode] ?? (implied.includes(statusCode) ? meaningOf(statusCode, phrases.get(statusCode)!) : undefined)
    errors[statusCode] = declared[statusCode] === undefined && refusals[statusCode] === undefined
      ? { $ref: `#/components/responses/${statusCode}` }
      : createErrorResponse(statusCode, joinSentences(meaning, refusals[statusCode]), header)
  }
  return errors
}

/** Returns the status codes of the errors that follow from the kind of a route. */
function getImpliedErrors (route: RouteOptions, security: Json[] | undefined): number[] {
  const { params, querystring, headers, body } = (route.schema ?? {}) as Json
  // In a path, two colons stand for one colon.
  const hasParameter = /[:*]/.test(route.url.replaceAll('::', ''))
  const statusCodes = [500, 503]
  if (hasParameter || params || querystring || headers || body) statusCodes.push(400)
  if (security !== undefined && security.length > 0) statusCodes.push(401, 403)
  if (hasParameter) statusCodes.push(404)
  if (isNotImplemented(route)) statusCodes.push(501)
  return statusCodes
}

/** Returns the operations of a document. */
export function getOperations ({ paths }: Json): Json[] {
  return Object.values<Json>(paths).flatMap(path => Object.values<Json>(path)).filter(({ responses }) => responses !== undefined)
}

/** Adds to an operation its errors and `Location`, and makes parameters with a default optional. */
export function completeOperation (operation: Json): void {
  for (const statusCode of ['201', '202']) {
    const response = operation.responses[statusCode]
    if (response !== undefined) response.headers = { Location: createLocationHeader(), ...response.headers }
  }
  // Swagger does not know that a client can leave out a parameter with a default.
  for (const parameter of operation.parameters ?? []) {
    if (parameter.schema?.default !== undefined) parameter.required = parameter.in === 'path'
  }
  Object.assign(operation.responses, operation[ERRORS])
  delete operation[ERRORS]
  completeIdempotency(operation)
}

function createLocationHeader (): Json {
  return { description: 'Where the resource is', schema: { type: 'string', format: 'uri-reference' } }
}
