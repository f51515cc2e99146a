import type { RouteOptions } from 'fastify'
import type { Words } from '../probe.js'
import type { RequestOptions } from '../request.js'
import { breakObject, sample, type Broken, type Resolve, type Schema } from '../schema.js'

/** A request that is derived from a route. */
export interface Derived {
  readonly id: string
  readonly words: Words
  readonly request: RequestOptions
}

interface Inputs {
  params: Record<string, unknown>
  query: Record<string, unknown>
  headers: Record<string, unknown>
  body: unknown
}

const INPUTS = ['params', 'query', 'headers', 'body'] as const

const RESPONSES = 'responses.md'

/**
 * The requests that the routes of a service call for: each input broken
 * against its schema in each way that matters, a body that is too large, and
 * HEAD of each GET. What of a route has no schema is taken from the known
 * request to it, if there is one.
 *
 * @param bodyLimit of the server, in bytes
 */
export function derive (routes: readonly RouteOptions[], requests: readonly RequestOptions[], resolve: Resolve, bodyLimit: number): Derived[] {
  const seen = new Map<string, number>()
  return routes.flatMap(route => [route.method].flat().flatMap(method => {
    // HEAD goes with its GET.
    if (method === 'HEAD') return []
    const slug = `routes-${method}-${route.url}`.toLowerCase().replace(/[^a-z\d]+/g, '-').replace(/-$/, '')
    const count = (seen.get(slug) ?? 0) + 1
    seen.set(slug, count)
    return deriveFrom(route, method, count === 1 ? slug : `${slug}-${count}`, requests, resolve, bodyLimit)
  }))
}

function deriveFrom (route: RouteOptions, method: string, id: string, requests: readonly RequestOptions[], resolve: Resolve, bodyLimit: number): Derived[] {
  const schemas = schemasOf(route)
  const known = requests.find(request => (request.method ?? 'GET') === method && pathPattern(route.url).test(request.url.split('?')[0]!))
  const valid = inputsOf(route, schemas, known, resolve)
  const name = `${method} ${route.url}`
  const derived: Derived[] = []
  const add = (suffix: string, sends: string, why: string, inputs: Inputs, as = method): void => {
    const request = requestOf(route, as, inputs)
    if (request !== undefined) derived.push({ id: `${id}${suffix}`, words: { sends, why, source: RESPONSES }, request })
  }

  add('', name, 'Whatever it answers, a success has no header and an error no body', valid)
  if (method === 'GET') add('-head', `HEAD of ${name}`, 'Its answer is that of GET, without the body', valid, 'HEAD')

  for (const input of INPUTS) {
    const schema = schemas[input]
    if (schema === undefined) continue
    for (const { name: how, value } of broken(input, schema, valid[input], resolve)) {
      add(`-${input}-${kebab(how)}`, `${name}, its ${input} broken: ${how}`, 'What refuses it is not what keeps the contract elsewhere', { ...valid, [input]: value })
    }
  }
  if (method !== 'GET' && method !== 'OPTIONS' && method !== 'TRACE') {
    const body = 'a'.repeat((route.bodyLimit ?? bodyLimit) + 1)
    add('-body-too-large', `${name}, its body a byte over the limit`, 'A 413 is not of the table', {
      ...valid, headers: { 'content-type': 'application/json', ...valid.headers }, body: JSON.stringify(body)
    })
  }
  return derived
}

function broken (input: typeof INPUTS[number], schema: Schema, valid: unknown, resolve: Resolve): Broken[] {
  const isObject = typeof valid === 'object' && valid !== null && !Array.isArray(valid)
  const properties = isObject ? breakObject(schema, valid as Record<string, unknown>, resolve) : []
  // Nothing in a path can be missing, or more.
  if (input === 'params') return properties.filter(({ name }) => !name.endsWith('-missing') && name !== 'unknown-property')
  if (input !== 'body') return properties
  return [...properties, { name: 'null', value: null }, { name: 'array', value: [] }, { name: 'missing', value: undefined }]
}

function schemasOf ({ schema = {} }: RouteOptions): Partial<Record<typeof INPUTS[number], Schema>> {
  const { params, headers, body } = schema
  const query = schema.querystring ?? (schema as { query?: unknown }).query
  // With a schema for each media type, the JSON one is taken.
  const { content } = (body ?? {}) as { content?: Record<string, { schema?: unknown }> }
  const ofJson = content === undefined ? body : content['application/json']?.schema
  return { params, query, headers, body: ofJson } as Partial<Record<typeof INPUTS[number], Schema>>
}

function inputsOf ({ url }: RouteOptions, schemas: Partial<Record<string, Schema>>, known: RequestOptions | undefined, resolve: Resolve): Inputs {
  const of = (input: string): Record<string, unknown> => {
    const value = schemas[input] === undefined ? {} : sample(schemas[input], resolve)
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
  }
  if (known === undefined) {
    return { params: of('params'), query: of('query'), headers: of('headers'), body: schemas.body && sample(schemas.body, resolve) }
  }
  const { pathname, searchParams } = new URL(known.url, 'http://a')
  return {
    params: { ...of('params'), ...pathPattern(url).exec(pathname)?.groups },
    query: Object.fromEntries(searchParams),
    headers: { ...known.headers },
    body: known.body
  }
}

/** The request with these inputs; undefined where HTTP cannot carry them. */
function requestOf ({ url, constraints = {} }: RouteOptions, method: string, { params, query, headers, body }: Inputs): RequestOptions | undefined {
  const path = url.replace(PARAMETER, (_match, name: string | undefined) => encodeURIComponent(textOf(params[name ?? WILDCARD] ?? 'a')))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.append(name, textOf(value))
  const { version, host } = constraints as { version?: unknown, host?: unknown }
  const fields: Record<string, string> = {}
  if (typeof version === 'string') fields['accept-version'] = version
  if (typeof host === 'string') fields.host = host
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) fields[name.toLowerCase()] = textOf(value)
  if (!Object.entries(fields).every(([name, value]) => isToken(name) && isFieldValue(value))) return undefined
  const request = { method, url: search.size === 0 ? path : `${path}?${search.toString()}`, headers: fields }
  return method === 'GET' || method === 'HEAD' || body === undefined ? request : { ...request, body }
}

// What the rest of a path is called here.
const WILDCARD = 'wildcard'

const PARAMETER = /:([A-Za-z_]\w*)(?:\((?:[^()]|\([^()]*\))*\))?\??|\*/g

function pathPattern (url: string): RegExp {
  const parts = url.split(PARAMETER).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[.+^${}()|[\]\\?]/g, '\\$&')
    return part === undefined ? `(?<${WILDCARD}>.*)` : `(?<${part}>[^/]+)`
  })
  return new RegExp(`^${parts.join('')}/?$`)
}

function textOf (value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isToken (name: string): boolean {
  return /^[!#$%&'*+.^`|~\w-]+$/.test(name)
}

function isFieldValue (value: string): boolean {
  return /^[\t -~]*$/.test(value)
}

function kebab (text: string): string {
  return text.replace(/([a-z\d])([A-Z])/g, '$1-$2').toLowerCase().replace(/[^a-z\d]+/g, '-')
}
