import { inspect } from 'node:util'
import type { FastifyInstance } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { checkOptionNames, throwInvalidOption } from '../../lib/invalid-option.js'
import { isPlainObject } from '../../lib/plain-object.js'
import { contractOf } from '../reason-phrase/index.js'

/** A call of `openapi()`, for messages. */
export const OPENAPI_CALL = 'openapi(app, { document })'

/** The fields of an OpenAPI 3.1 document. */
const DOCUMENT_FIELDS = ['openapi', 'info', 'jsonSchemaDialect', 'servers', 'paths', 'webhooks', 'components', 'security', 'tags', 'externalDocs']

/** The options of `@fastify/swagger` that contain a document. */
const DOCUMENT_OPTIONS = ['openapi', 'swagger']

/** The options of `@fastify/swagger` that `openapi()` sets. */
const OWN_OPTIONS = ['convertConstToEnum', 'refResolver', 'transform', 'transformObject']

/** The other options of `@fastify/swagger`. */
const SWAGGER_OPTIONS = ['decorator', 'exposeHeadRoutes', 'hiddenTag', 'hideUntagged', 'mode', 'postProcessor', 'specification', 'stripBasePath']

/**
 * Checks the first argument of `openapi()` or `swaggerUiOptions()`.
 *
 * @param call a call of the function, for the message
 * @throws {TypeError} if the argument is not a Fastify instance
 */
export function checkApp (app: FastifyInstance, call: string): void {
  if (typeof app?.printRoutes === 'function') return
  throw new TypeError(`fastify-reason-phrase: ${getName(call)}() takes the Fastify instance as its first argument, as in ${call}, not ${inspect(app, { depth: 0 })}`)
}

/**
 * Returns the contract of the first argument of `openapi()` or `swaggerUiOptions()`.
 *
 * @param call a call of the function, for the message
 * @throws {Error} if the plugin is not registered
 */
export function requireContract (app: FastifyInstance, call: string): Contract {
  const contract = contractOf(app)
  if (contract === undefined) throw new Error(`fastify-reason-phrase: the plugin is not registered. Write app.register(reasonPhrase) before ${getName(call)}(app)`)
  return contract
}

function getName (call: string): string {
  return call.slice(0, call.indexOf('('))
}

/**
 * Checks the arguments of `openapi()`.
 *
 * @throws {TypeError} for an argument of the wrong type, and for an option that is unknown. The message shows where an option
 *   of `@fastify/swagger`, or a part of the document, belongs
 */
export function checkArguments (app: FastifyInstance, options: object): void {
  checkApp(app, OPENAPI_CALL)
  if (isPlainObject(options)) {
    for (const name of Object.keys(options)) checkName(name)
  }
  checkOptionNames(options, ['document', 'schemas'], 'openapi()')
  const { document, schemas } = options as { document?: unknown, schemas?: unknown }
  if (document !== undefined && !isPlainObject(document)) throwInvalidOption('document of openapi() must be an object, such as { info: { title: \'Topics\' } }', document)
  if (schemas !== undefined && (typeof schemas !== 'object' || schemas === null || Array.isArray(schemas))) {
    throwInvalidOption('schemas of openapi() must be an object of schemas by name, such as { Topic }', schemas)
  }
}

function checkName (name: string): void {
  if (DOCUMENT_OPTIONS.includes(name)) fail(`has the option "${name}" of @fastify/swagger. The document belongs in the option document. Write openapi(app, { document: { … } })`)
  if (DOCUMENT_FIELDS.includes(name)) fail(`has "${name}", which is a part of the document. Write openapi(app, { document: { ${name} } })`)
  if (OWN_OPTIONS.includes(name)) fail(`has the option "${name}" of @fastify/swagger, which openapi() sets itself. Remove it`)
  if (SWAGGER_OPTIONS.includes(name)) fail(`has the option "${name}" of @fastify/swagger. Write app.register(swagger, { ...openapi(app), ${name} })`)
}

function fail (problem: string): never {
  throw new TypeError(`fastify-reason-phrase: openapi() ${problem}`)
}
