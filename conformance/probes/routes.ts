import type { RouteOptions } from 'fastify'
import type { RequestOptions } from '../exchange/request.js'
import { CONTRACT } from '../sources.js'
import type { ProbeTexts } from './probe.js'
import { createInvalidObjects, sampleValue, type InvalidValue, type ResolveRef, type Schema } from './schema-values.js'

/** A request that is derived from a route. */
export interface DerivedRequest {
  readonly id: string
  readonly texts: ProbeTexts
  readonly request: RequestOptions
  /** Whether the service most likely accepts the request. */
  readonly isValid: boolean
}

interface Inputs {
  params: Record<string, unknown>
  query: Record<string, unknown>
  headers: Record<string, unknown>
  body: unknown
}

const INPUTS = ['params', 'query', 'headers', 'body'] as const

/**
 * Returns requests that test the routes of a service: a valid request, HEAD of
 * each GET, one request for each way in which an input can be invalid, and a
 * body that is too large. The valid inputs come from the known request that
 * matches the route, or are generated from the schemas.
 *
 * @param bodyLimit the limit of the server, in bytes
 */
export function deriveRequests (routes: readonly RouteOptions[], requests: readonly RequestOptions[], resolve: ResolveRef, bodyLimit: number): DerivedRequest[] {
  const seen = new Map<string, number>()
  return routes.flatMap(route => [route.method].flat().flatMap(method => {
    // Skip it, because a HEAD request is derived from each GET.
    if (method === 'HEAD') return []
    const slug = `routes-${method}-${route.url}`.toLowerCase().replace(/[^a-z\d]+/g, '-').replace(/-$/, '')
    const count = (seen.get(slug) ?? 0) + 1
    seen.set(slug, count)
    return deriveFromRoute(route, method, count === 1 ? slug : `${slug}-${count}`, requests, resolve, bodyLimit)
  }))
}

/** Returns whether a request is for a route. */
export function isRequestOf ({ method, url }: Pick<RouteOptions, 'method' | 'url'>, request: RequestOptions): boolean {
  return [method].flat().includes(request.method ?? 'GET') && createPathPattern(url).test(request.url.split('?')[0]!)
}

function deriveFromRoute (route: RouteOptions, method: string, id: string, requests: readonly RequestOptions[], resolve: ResolveRef, bodyLimit: number): DerivedRequest[] {
  const schemas = getInputSchemas(route)
  const known = requests.find(request => isRequestOf({ method, url: route.url }, request))
  const valid = createInputs(route, schemas, known, resolve)
  const name = `${method} ${route.url}`
  const derived: DerivedRequest[] = []
  const add = (suffix: string, sends: string, why: string, inputs: Inputs, as = method): void => {
    const request = createRequest(route, as, inputs)
    if (request !== undefined) derived.push({ id: `${id}${suffix}`, texts: { sends, why, source: CONTRACT.unsuccessful }, request, isValid: suffix === '' })
  }

  add('', name, 'A success has no header, and an error has no body', valid)
  if (method === 'GET') add('-head', `HEAD of ${name}`, 'The response must be the one to GET, without the body', valid, 'HEAD')

  for (const input of INPUTS) {
    const schema = schemas[input]
    if (schema === undefined) continue
    for (const { name: how, value } of createInvalidInputs(input, schema, valid[input], resolve)) {
      add(`-${input}-${toKebabCase(how)}`, `${name} with invalid ${input}: ${how}`, 'Validation errors can come from another part of the framework', { ...valid, [input]: value })
    }
  }
  if (method !== 'GET' && method !== 'OPTIONS' && method !== 'TRACE') {
    const body = 'a'.repeat((route.bodyLimit ?? bodyLimit) + 1)
    add('-body-too-large', `${name} with a body one byte over the limit`, 'A 413 is not in the table', {
      ...valid, headers: { 'content-type': 'application/json', ...valid.headers }, body: JSON.stringify(body)
    })
  }
  return derived
}

function createInvalidInputs (input: typeof INPUTS[number], schema: Schema, valid: unknown, resolve: ResolveRef): InvalidValue[] {
  const isObject = typeof valid === 'object' && valid !== null && !Array.isArray(valid)
  const properties = isObject ? createInvalidObjects(schema, valid as Record<string, unknown>, resolve) : []
  // A path can have neither missing nor additional parameters.
  if (input === 'params') return properties.filter(({ name }) => !name.endsWith('-missing') && name !== 'unknown-property')
  if (input !== 'body') return properties
  return [...properties, { name: 'null', value: null }, { name: 'array', value: [] }, { name: 'missing', value: undefined }]
}

function getInputSchemas ({ schema = {} }: RouteOptions): Partial<Record<typeof INPUTS[number], Schema>> {
  const { params, headers, body } = schema
  const query = schema.querystring ?? (schema as { query?: unknown }).query
  // If there is a schema for each media type, use the one for JSON.
  const { content } = (body ?? {}) as { content?: Record<string, { schema?: unknown }> }
  const ofJson = content === undefined ? body : content['application/json']?.schema
  return { params, query, headers, body: ofJson } as Partial<Record<typeof INPUTS[number], Schema>>
}

function createInputs ({ url }: RouteOptions, schemas: Partial<Record<string, Schema>>, known: RequestOptions | undefined, resolve: ResolveRef): Inputs {
  const of = (input: string): Record<string, unknown> => {
    const value = schemas[input] === undefined ? {} : sampleValue(schemas[input], resolve)
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
  }
  if (known === undefined) {
    return { params: of('params'), query: of('query'), headers: of('headers'), body: schemas.body && sampleValue(schemas.body, resolve) }
  }
  const { pathname, searchParams } = new URL(known.url, 'http://a')
  return {
    params: { ...of('params'), ...createPathPattern(url).exec(pathname)?.groups },
    query: Object.fromEntries(searchParams),
    headers: { ...known.headers },
    body: known.body
  }
}

/** Returns the request with these inputs, or undefined if they cannot be sent as header fields. */
function createRequest ({ url, constraints = {} }: RouteOptions, method: string, { params, query, headers, body }: Inputs): RequestOptions | undefined {
  const path = url.replace(PARAMETER, (_match, name: string | undefined) => encodeURIComponent(toText(params[name ?? WILDCARD] ?? 'a')))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.append(name, toText(value))
  const { version, host } = constraints as { version?: unknown, host?: unknown }
  const fields: Record<string, string> = {}
  if (typeof version === 'string') fields['accept-version'] = version
  if (typeof host === 'string') fields.host = host
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) fields[name.toLowerCase()] = toText(value)
  if (!Object.entries(fields).every(([name, value]) => isToken(name) && isFieldValue(value))) return undefined
  const request = { method, url: search.size === 0 ? path : `${path}?${search.toString()}`, headers: fields }
  return method === 'GET' || method === 'HEAD' || body === undefined ? request : { ...request, body }
}

// The name of the parameter that stands for `*`.
const WILDCARD = 'wildcard'

const PARAMETER = /:([A-Za-z_]\w*)(?:\((?:[^()]|\([^()]*\))*\))?\??|\*/g

function createPathPattern (url: string): RegExp {
  const parts = url.split(PARAMETER).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[.+^${}()|[\]\\?]/g, '\\$&')
    return part === undefined ? `(?<${WILDCARD}>.*)` : `(?<${part}>[^/]+)`
  })
  return new RegExp(`^${parts.join('')}/?$`)
}

function toText (value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isToken (name: string): boolean {
  return /^[!#$%&'*+.^`|~\w-]+$/.test(name)
}

function isFieldValue (value: string): boolean {
  return /^[\t -~]*$/.test(value)
}

function toKebabCase (text: string): string {
  return text.replace(/([a-z\d])([A-Z])/g, '$1-$2').toLowerCase().replace(/[^a-z\d]+/g, '-')
}
