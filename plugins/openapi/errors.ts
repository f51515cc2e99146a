import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { isUnsuccessful, meaningOf } from '../../lib/status-codes.js'
import { isNotImplemented } from '../reason-phrase/not-implemented.js'
import { describeError, describeRange, isRange, joinSentences, type Range } from './descriptions.js'
import { createErrorResponse } from './document.js'
import { addFields, referToFields } from './header-fields.js'
import { getRefusals } from './idempotency.js'
import { findReferences, REFERENCE_PREFIX, type Json } from './json.js'
import { isRateLimited } from './rate-limit.js'
import { describeUnauthorized, needsCredentials } from './security.js'

const RESPONSES = `${REFERENCE_PREFIX}responses/`

/** The errors of a route that do not depend on the complete document. */
export interface RouteErrors {
  /** The meanings of the errors that the route describes, by status code or range. */
  meanings: Record<string, string>
  /** The meanings of the refusals of the idempotency plugin, by status code. */
  refusals: Record<string, string>
  /** The status codes that follow from the kind of the route, without those that follow from its security requirements. */
  implied: number[]
  /** The status code for a request over the rate limit; undefined if there is no limit. */
  rateLimit: number | undefined
}

/** An operation of the document. */
export interface RouteOperation {
  /** The method in lower case. */
  method: string
  path: string
  operation: Json
  /** The errors of its route; undefined if the route is exempt from the contract. */
  errors: RouteErrors | undefined
}

/** Returns the errors of a route; undefined if it is exempt from the contract. */
export function describeErrors (app: FastifyInstance, contract: Contract, route: RouteOptions): RouteErrors | undefined {
  const { config, schema } = route
  if (config?.reasonPhrase === false) return undefined
  const rateLimit = isRateLimited(app, route) ? contract.normalizeStatusCode(429) : undefined
  return {
    meanings: { ...readDescriptions((schema?.response ?? {}) as Json, contract), ...config?.errors },
    refusals: getRefusals(route),
    implied: [...getImpliedErrors(route), ...(rateLimit === undefined ? [] : [rateLimit])],
    rateLimit
  }
}

/** Returns the descriptions in the response schemas for errors. */
function readDescriptions (response: Json, contract: Contract): Record<string, string> {
  const descriptions: Record<string, string> = {}
  for (const [key, { description }] of Object.entries<Json>(response)) {
    const error = toError(key === 'default' ? key : key.toUpperCase(), contract)
    if (error !== undefined && description !== undefined) descriptions[error] ??= description
  }
  return descriptions
}

/** Returns the status code that is sent for an unsuccessful response, or its range; undefined for a successful response. */
function toError (key: string, contract: Contract): number | Range | undefined {
  if (isRange(key)) return key
  return isUnsuccessful(Number(key)) ? contract.normalizeStatusCode(Number(key)) : undefined
}

/** Returns the status codes of the errors that follow from the kind of a route. */
function getImpliedErrors (route: RouteOptions): number[] {
  const { params, querystring, headers, body } = (route.schema ?? {}) as Json
  // In a path, two colons stand for one colon.
  const hasParameter = /[:*]/.test(route.url.replaceAll('::', ''))
  const statusCodes = [500, 503]
  if (hasParameter || params || querystring || headers || body) statusCodes.push(400)
  if (hasParameter) statusCodes.push(404)
  if (isNotImplemented(route)) statusCodes.push(501)
  return statusCodes
}

/** The meanings of errors that a route does not describe, by status code. */
type Meanings = Readonly<Record<string, string>>

/** Adds the errors of each operation to the document, and adds errors that several operations share to its components. */
export function completeErrors (openapiObject: Json, operations: RouteOperation[], contract: Contract): void {
  const { components } = openapiObject
  const unauthorized = operations.map(({ operation }) => getUnauthorized(openapiObject, operation))
  const undescribed = unauthorized.filter((_, index) => operations[index]!.errors?.meanings[401] === undefined)
  const meanings = createMeanings(contract, findMostCommon(undescribed) ?? describeUnauthorized([]))
  for (const [index, { operation, errors }] of operations.entries()) {
    if (errors !== undefined) addErrors(operation, errors, unauthorized[index], meanings, contract)
  }

  const references = findReferences(openapiObject)
  const shared: Json = {}
  for (const [statusCode, meaning] of Object.entries(meanings)) {
    if (references.has(`${RESPONSES}${statusCode}`)) shared[statusCode] = createErrorResponse(describeError(Number(statusCode), meaning), contract)
  }
  for (const { operation, errors } of operations) if (errors?.rateLimit === 429) addRetryAfter(operation.responses[429], shared[429], components)
  // The document's own responses take precedence.
  components.responses = { ...shared, ...components.responses }
}

function createMeanings ({ phrases }: Contract, unauthorized: string): Meanings {
  const meanings = [...phrases].map(([statusCode, phrase]) => [statusCode, meaningOf(statusCode, phrase)])
  return { ...Object.fromEntries(meanings), 401: unauthorized }
}

/** Returns the meaning of a 401 for an operation; undefined if the operation needs no credentials. */
function getUnauthorized (openapiObject: Json, { security = openapiObject.security }: Json): string | undefined {
  const { responses, securitySchemes } = openapiObject.components
  if (!needsCredentials(security)) return undefined
  // The document of the caller may have a component that describes 401 for all schemes.
  return describeUnauthorized(responses?.[401] === undefined ? security : [], securitySchemes)
}

function findMostCommon (texts: Array<string | undefined>): string | undefined {
  const counts = new Map<string, number>()
  for (const text of texts) if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/** Replaces the unsuccessful responses of an operation, which `@fastify/swagger` has made from schemas, by its errors. */
function addErrors ({ responses }: Json, { meanings, refusals, implied }: RouteErrors, unauthorized: string | undefined, shared: Meanings, contract: Contract): void {
  const declared = takeErrors(responses, contract)
  const expected = new Set([...implied, ...(unauthorized === undefined ? [] : [401, 403])].map(String))
  for (const key of new Set([...declared.keys(), ...Object.keys({ ...meanings, ...refusals }), ...expected])) {
    const general = key === '401' ? unauthorized ?? shared[key] : shared[key]
    const meaning = meanings[key] ?? (expected.has(key) || refusals[key] === undefined ? general : undefined)
    const description = isRange(key) ? describeRange(key, meaning) : describeError(Number(key), joinSentences(meaning, refusals[key]))
    const parts = declared.get(key) ?? {}
    const isShared = Object.keys(parts).length === 0 && shared[key] !== undefined && description === describeError(Number(key), shared[key])
    responses[key] = isShared ? { $ref: `${RESPONSES}${key}` } : createErrorResponse(description, contract, parts)
  }
}

/** Removes the unsuccessful responses of an operation. Returns the parts of each response to keep, such as its header fields. */
function takeErrors (responses: Json, contract: Contract): Map<string, Json> {
  const taken = new Map<string, Json>()
  for (const [key, { description, content, ...parts }] of Object.entries<Json>(responses)) {
    const error = toError(key, contract)
    if (error === undefined) continue
    delete responses[key]
    taken.set(String(error), { ...taken.get(String(error)), ...parts })
  }
  return taken
}

/** Adds `Retry-After` to the response for a request over a rate limit: to that of the operation, or to the shared response. */
function addRetryAfter (response: Json, shared: Json, components: Json): void {
  addFields(components, ['Retry-After'])
  const limited = response.$ref === undefined ? response : shared
  limited.headers = { ...referToFields(['Retry-After']), ...limited.headers }
}
