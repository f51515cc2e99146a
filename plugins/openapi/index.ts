import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { isServerError, meaningOf } from '../../lib/status-codes.js'
import { isNotImplemented } from '../reason-phrase/not-implemented.js'
import { kVerify, type Verifying } from '../reason-phrase/permissions.js'
import { contractOf } from '../reason-phrase/index.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from '../reason-phrase/index.js'

/** What the document has beside what the routes and the contract say. */
export interface OpenApiOptions {
  /** The document's own `info`, `servers`, `tags`, `security`, `components` and the like. */
  document?: Record<string, any> | undefined
  /** Schemas by name: each that the document uses twice or more becomes an entry of `components.schemas`. */
  schemas?: Record<string, object> | undefined
}

type Json = Record<string, any>

// Where the errors of an operation are kept until the document is complete.
const ERRORS = 'x-reason-phrase-errors'

// The name of the security scheme of signed requests.
const SCHEME = 'signature'

const NO_BODY = 'The response has no body; its message is in the header.'
const NOT_YET = 'Not implemented yet: it answers 501 where it would succeed.'
const UNKNOWN = 'The execution status is unknown: the operation may have succeeded.'

/**
 * Options of `@fastify/swagger` 9 with which the OpenAPI 3.1 document of a
 * service says what the contract of `responses.md` means for each operation:
 * `app.register(swagger, openapi(app))`.
 *
 * @throws {Error} where the plugin is not registered
 */
export function openapi (app: FastifyInstance<any, any, any, any, any>, { document = {}, schemas = {} }: OpenApiOptions = {}): FastifyDynamicSwaggerOptions {
  const contract = contractOf(app)
  if (contract === undefined) throw new Error('fastify-reason-phrase: register the plugin before openapi() is called')
  const { header, phrases } = contract

  const reason = { [header]: { $ref: `#/components/headers/${header}` } }
  const responses: Json = {}
  for (const [statusCode, phrase] of phrases) {
    responses[statusCode] = { description: describe(statusCode, meaningOf(statusCode, phrase)), headers: reason }
  }

  /** The signature that a route asks for; undefined where nothing is said of one. */
  function securityOf ({ config, schema }: RouteOptions): Json[] | undefined {
    const { security } = (schema ?? {}) as Json
    if (security !== undefined || (app as Verifying)[kVerify] === undefined) return security
    return config?.signature === false ? [] : [{ [SCHEME]: [config?.permission ?? []].flat() }]
  }

  function errorsOf (route: RouteOptions, security: Json[]): Json {
    const { config, schema, url } = route
    if (config?.reasonPhrase === false) return {}
    const { params, querystring, headers, body, response } = (schema ?? {}) as Json
    // Two colons stand for one, and for no parameter.
    const hasParameter = /[:*]/.test(url.replaceAll('::', ''))
    const declared: Json = config?.errors ?? {}
    const stated = Object.keys({ ...declared, ...response }).map(Number).filter(statusCode => phrases.has(statusCode))
    const possible = new Set([...stated, 500, 503])
    if (hasParameter || params || querystring || headers || body) possible.add(400)
    if (security?.length > 0) possible.add(401).add(403)
    if (hasParameter) possible.add(404)
    if (isNotImplemented(route)) possible.add(501)

    const errors: Json = {}
    for (const statusCode of [...possible].sort((a, b) => a - b)) {
      errors[statusCode] = declared[statusCode] === undefined
        ? { $ref: `#/components/responses/${statusCode}` }
        : { description: describe(statusCode, declared[statusCode]), headers: reason }
    }
    return errors
  }

  return {
    openapi: {
      ...document,
      openapi: '3.1.0',
      info: {
        title: 'API',
        version: '0.0.0',
        ...document.info,
        description: paragraphs(document.info?.description, explain(header))
      },
      components: {
        ...document.components,
        headers: { ...document.components?.headers, [header]: headerOf() },
        responses: { ...document.components?.responses, ...responses }
      }
    },
    convertConstToEnum: false,
    transform ({ schema, url, route, ...object }) {
      const { openapiObject } = object as { openapiObject: Json }
      const security = securityOf(route)
      // Here, since swagger looks a scheme up as soon as it is named.
      if ((app as Verifying)[kVerify] !== undefined) openapiObject.components.securitySchemes = { [SCHEME]: schemeOf(), ...openapiObject.components.securitySchemes }
      const planned = isNotImplemented(route) && { 'x-not-implemented': true, description: paragraphs((schema as Json | undefined)?.description, NOT_YET) }
      return { schema: { ...schema, ...(security && { security }), ...planned, [ERRORS]: errorsOf(route, security ?? openapiObject.security) } as never, url }
    },
    transformObject (object) {
      const { openapiObject } = object as { openapiObject: Json }
      for (const operation of operationsOf(openapiObject)) {
        for (const statusCode of ['201', '202']) {
          const response = operation.responses[statusCode]
          if (response !== undefined) response.headers = { Location: locationOf(), ...response.headers }
        }
        // Of what has a default nothing need be sent, which swagger does not know.
        for (const parameter of operation.parameters ?? []) {
          if (parameter.schema?.default !== undefined) parameter.required = parameter.in === 'path'
        }
        Object.assign(operation.responses, operation[ERRORS])
        delete operation[ERRORS]
      }
      nameSchemas(openapiObject, schemas)
      return openapiObject
    }
  } as FastifyDynamicSwaggerOptions
}

function locationOf (): Json {
  return { description: 'Where the resource is', schema: { type: 'string', format: 'uri-reference' } }
}

function headerOf (): Json {
  return {
    description: 'The message of an unsuccessful response. Over HTTP/1.x its first 128 characters are the reason phrase, too.',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: MAX_HEADER_LENGTH, pattern: '^[ -~]*$' }
  }
}

function schemeOf (): Json {
  return {
    type: 'apiKey',
    in: 'header',
    name: 'Signature',
    description: 'The request is signed: HTTP Message Signatures (RFC 9421) with the algorithm hmac-sha256, in the fields Signature-Input and Signature, ' +
      'and of its body a Content-Digest (RFC 9530) with sha-256 or sha-512. What must be covered is in the Accept-Signature field of a 401. ' +
      'The roles of an operation are the permissions that the key needs.'
  }
}

function paragraphs (...texts: Array<string | undefined>): string {
  return texts.filter(Boolean).join('\n\n')
}

function describe (statusCode: number, meaning: string): string {
  return [meaning, isServerError(statusCode) && UNKNOWN, NO_BODY].filter(Boolean).join(' ')
}

function explain (header: string): string {
  return `An unsuccessful response has no body. Its message is in the \`${header}\` header: ASCII, at most ${MAX_HEADER_LENGTH} characters. ` +
    'Over HTTP/1.x its first 128 characters are the reason phrase of the status line, too. ' +
    'With a 4xx the operation was rejected. With a 5xx its execution status is unknown, and it may have succeeded: do not treat it as failed.'
}

function operationsOf (openapiObject: Json): Json[] {
  return Object.values<Json>(openapiObject.paths).flatMap(path => Object.values<Json>(path)).filter(({ responses }) => responses !== undefined)
}

/** Gives the schemas that the document uses twice or more their names. */
function nameSchemas (openapiObject: Json, schemas: Record<string, object>): void {
  // A module of schemas can export functions that make some, too.
  const named = Object.entries(schemas).filter(([, schema]) => typeof schema === 'object')
  const names = new Map(named.map(([name, schema]) => [fingerprint(schema), name]))
  const uses = new Map<string, Array<(reference: Json) => void>>()
  const collect = (root: Json) => visit(root, (node, replace) => {
    const name = names.get(fingerprint(node))
    if (name !== undefined) uses.set(name, [...uses.get(name) ?? [], replace])
  })
  collect(openapiObject.paths)

  const shared = [...uses.keys()].filter(name => uses.get(name)!.length > 1)
  for (const name of shared) {
    const schema = JSON.parse(JSON.stringify(schemas[name]))
    openapiObject.components.schemas[name] = schema
    collect(schema)
  }
  for (const name of shared) {
    for (const replace of uses.get(name)!) replace({ $ref: `#/components/schemas/${name}` })
  }
}

function visit (node: Json, found: (node: Json, replace: (reference: Json) => void) => void): void {
  for (const [key, child] of Object.entries(node)) {
    if (typeof child !== 'object' || child === null) continue
    visit(child, found)
    found(child, reference => { node[key] = reference })
  }
}

/** The same for schemas that differ only in what swagger moves out of a schema. */
function fingerprint (schema: Json): string {
  const { examples, example, ...rest } = schema
  return JSON.stringify(rest)
}
