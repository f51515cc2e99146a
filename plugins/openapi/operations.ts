import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { isNotImplemented } from '../reason-phrase/not-implemented.js'
import { joinParagraphs, NOT_IMPLEMENTED } from './descriptions.js'
import { completeErrors, describeErrors, type RouteOperation } from './errors.js'
import { createLocationField } from './header-fields.js'
import { completeIdempotency, describeIdempotency } from './idempotency.js'
import type { Json } from './json.js'
import { addOperationIds } from './operation-ids.js'
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
    [ERRORS]: describeErrors(app, contract, route)
  }
}

/** Completes the operations of the routes: their errors, names, header fields and parameters. */
export function completeOperations (openapiObject: Json, contract: Contract): void {
  const operations = takeOperations(openapiObject)
  completeErrors(openapiObject, operations, contract)
  addOperationIds(openapiObject, operations)
  for (const { operation } of operations) {
    addLocation(operation)
    makeDefaultsOptional(operation)
    completeIdempotency(operation)
  }
}

/** Returns the operations of the routes. Skips the operations that the document of the caller contains. */
function takeOperations ({ paths }: Json): RouteOperation[] {
  const operations: RouteOperation[] = []
  for (const [path, methods] of Object.entries<Json>(paths)) {
    for (const method of Object.keys(methods)) {
      if (!Object.hasOwn(methods[method], ERRORS)) continue
      // Clone the operation, because @fastify/swagger uses one object for all methods of a route.
      const { [ERRORS]: errors, ...operation } = structuredClone(methods[method])
      methods[method] = operation
      operations.push({ method, path, operation, errors })
    }
  }
  return operations
}

/** Adds `Location` to the responses that create or accept something. */
function addLocation ({ responses }: Json): void {
  for (const statusCode of ['201', '202']) {
    const response = responses[statusCode]
    if (response !== undefined) response.headers = { Location: createLocationField(), ...response.headers }
  }
}

/** Makes parameters with a default optional. `@fastify/swagger` marks them as required. */
function makeDefaultsOptional ({ parameters = [] }: Json): void {
  for (const parameter of parameters) {
    if (parameter.schema?.default !== undefined) parameter.required = parameter.in === 'path'
  }
}
