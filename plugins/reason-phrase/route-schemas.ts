import { inspect } from 'node:util'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, RouteOptions } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { isPlainObject } from '../../lib/plain-object.js'
import { isUnsuccessful } from '../../lib/status-codes.js'
import { ROUTE_DEFAULTS } from './option-names.js'
import { createRouteError, describeRoute } from './route-name.js'

/** Options for the response schemas of routes. */
export interface RouteSchemaOptions {
  /**
   * What happens to a response schema that declares a body for an error: `reject` fails the registration of the
   * route, `ignore` removes the schema and logs a warning. Default: `reject`.
   */
  errorSchemas?: 'reject' | 'ignore' | undefined
  /** Whether each route must have a schema for a 2xx payload, except HEAD, OPTIONS and hidden routes. Default: `false`. */
  requireSchemas?: boolean | undefined
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The errors of the route: a description for each status code. The OpenAPI document contains them. */
    errors?: Record<number, string> | undefined
    /** With `false`, the route is exempt from the contract, and sends errors as Fastify does. Default: `true`. */
    reasonPhrase?: boolean | undefined
  }
}

type Schemas = Record<string, unknown>

const NONE = {}

/** The key of the config of a route under which it has the response schemas that were removed. */
const kIgnored = Symbol('fastify-reason-phrase.ignored-schemas')

type WithIgnored = FastifyContextConfig & { [kIgnored]?: Schemas }

/**
 * Checks the schemas and the config of each route that is added from now on. Adding a route that cannot keep the contract
 * throws.
 *
 * @throws {TypeError} for an option of the wrong type
 */
export function checkRoutes (app: FastifyInstance, contract: Contract, { errorSchemas = ROUTE_DEFAULTS.errorSchemas, requireSchemas = ROUTE_DEFAULTS.requireSchemas }: RouteSchemaOptions): void {
  if (errorSchemas !== 'reject' && errorSchemas !== 'ignore') {
    throw new TypeError(`fastify-reason-phrase: option errorSchemas must be 'reject' or 'ignore', not ${inspect(errorSchemas)}`)
  }
  if (typeof requireSchemas !== 'boolean') {
    throw new TypeError(`fastify-reason-phrase: option requireSchemas must be a boolean, not ${inspect(requireSchemas)}`)
  }

  // The last valid objects. A HEAD route has the objects of its GET route, and other routes may share objects too.
  let passedErrors: unknown
  let passedResponse: unknown

  app.addHook('onRoute', function (route) {
    const { reasonPhrase, errors } = route.config ?? NONE as FastifyContextConfig
    if (reasonPhrase !== undefined && typeof reasonPhrase !== 'boolean') throw createRouteError(route, `config.reasonPhrase must be true or false, not ${inspect(reasonPhrase)}`)
    if (reasonPhrase === false) return
    if (errors !== passedErrors) checkErrors(route, contract)
    passedErrors = errors
    const response = (route.schema?.response ?? NONE) as Schemas
    if (response === passedResponse) return
    let withBody: string[] | undefined
    let hasSuccessSchema = false
    for (const key in response) {
      if (isSuccess(key)) hasSuccessSchema = true
      else if (isError(key) && !isNull(response[key])) (withBody ??= []).push(key)
    }
    if (withBody !== undefined) {
      if (errorSchemas === 'reject') {
        throw createRouteError(route, `schema.response declares a body for ${withBody.join(', ')}, but an unsuccessful response has none. Remove the schema, and say what the error means in config.errors; or set the option errorSchemas to 'ignore'`)
      }
      // Copy the schema, because it belongs to the caller, and other routes may share it.
      const kept = { ...response }
      const ignored: Schemas = {}
      for (const key of withBody) {
        ignored[key.toLowerCase()] = response[key]
        delete kept[key]
      }
      route.schema = { ...route.schema, response: kept }
      const config: WithIgnored = { ...route.config, [kIgnored]: ignored }
      route.config = config
      // Fastify derives each HEAD route from a GET route, which was reported already.
      if (route.method !== 'HEAD') app.log.warn(describeRoute(route, `schema.response declares a body for ${withBody.join(', ')}, which is ignored, because an unsuccessful response has none. Remove the schema, and say what the error means in config.errors`))
    }
    if (requireSchemas && !hasSuccessSchema && !needsNoSuccessSchema(route)) {
      throw createRouteError(route, 'schema.response has no schema for a 2xx payload, which the option requireSchemas asks for. Add one')
    }
    if (hasSuccessSchema && withBody === undefined) passedResponse = response
  })
}

/**
 * Serializes JSON with the schema that was removed from the route, so that the message cannot come from a property that the
 * schema leaves out.
 *
 * @returns the text; undefined if no schema was removed for the status code
 */
export function serializeByIgnoredSchema (reply: FastifyReply, body: string | Uint8Array): string | undefined {
  const ignored = (reply.request.routeOptions.config as WithIgnored)[kIgnored]
  if (ignored === undefined) return undefined
  const { statusCode } = reply
  const schema = ignored[statusCode] ?? ignored[`${Math.floor(statusCode / 100)}xx`] ?? ignored.default
  if (schema === undefined) return undefined
  try {
    return reply.serializeInput(JSON.parse(Buffer.from(body as string).toString()), contentOf(schema as Schema))
  } catch {
    // The body is not JSON, or does not match the schema. Without the plugin, Fastify would send 500.
    return ''
  }
}

/** Returns whether response schemas were removed from a route. */
export function hasIgnoredSchemas (config: FastifyContextConfig | undefined): boolean {
  return (config as WithIgnored | undefined)?.[kIgnored] !== undefined
}

interface Schema {
  [keyword: string]: unknown
  content?: Record<string, { schema: Schema }>
}

/** Returns the schema of the media type JSON if there are schemas for several media types; otherwise the schema itself. */
function contentOf (schema: Schema): Schema {
  return schema.content?.['application/json']?.schema ?? schema
}

function checkErrors (route: RouteOptions, contract: Contract): void {
  const errors = route.config?.errors
  if (errors === undefined) return
  if (!isPlainObject(errors)) throw createRouteError(route, `config.errors must be an object, such as { 404: 'No topic has this id' }, not ${inspect(errors, { depth: 0 })}`)
  for (const statusCode in errors) {
    const meaning: unknown = errors[statusCode]
    if (!contract.phrases.has(Number(statusCode))) {
      throw createRouteError(route, `config.errors has ${statusCode}, which is not in the contract's table (${[...contract.phrases.keys()].join(', ')}). Choose one of these, or add ${statusCode} with the option statusCodes`)
    }
    if (typeof meaning !== 'string' || meaning.trim() === '') throw createRouteError(route, `config.errors[${statusCode}] must be a string that says what the error means, not ${inspect(meaning, { depth: 0 })}`)
  }
}

function isError (key: string): boolean {
  return /^(?:[45]xx|default)$/i.test(key) || isUnsuccessful(Number(key))
}

function isSuccess (key: string): boolean {
  return /^2(?:xx|\d\d)$/i.test(key)
}

// A JSON Schema of null declares that there is no body. A schema of a validation library, such as z.null(), is not JSON Schema,
// and would reject the error.
function isNull (schema: unknown): boolean {
  return isPlainObject(schema) && (schema as { type?: unknown }).type === 'null'
}

function needsNoSuccessSchema ({ method, schema }: RouteOptions): boolean {
  return (schema as { hide?: boolean } | undefined)?.hide === true || [method].flat().every(method => method === 'HEAD' || method === 'OPTIONS')
}
