/**
 * Options for `@fastify/swagger` and `@fastify/swagger-ui`: describes the errors of a service.
 *
 * @module fastify-reason-phrase/openapi
 */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { checkArguments, OPENAPI_CALL, requireContract } from './check-arguments.js'
import { createDocument } from './document.js'
import { getDocumentUrl } from './idempotency.js'
import type { Json } from './json.js'
import { completeOperations, describeOperation } from './operations.js'
import { NamedSchemas } from './schemas.js'
import { addSecurityScheme } from './security.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from '../reason-phrase/index.js'

export { swaggerUiOptions } from './swagger-ui/index.js'

/** Options of {@link openapi}. */
export interface OpenApiOptions {
  /** Your own parts of the document: `info`, `servers`, `tags`, `security`, `components` and others. Default: none. */
  document?: Record<string, any> | undefined
  /**
   * Schemas by name. Each schema that the document uses at least twice becomes an entry of `components.schemas`. Schemas with
   * an `$id` need no other name. Default: none.
   */
  schemas?: Record<string, object> | undefined
}

/**
 * Returns options of `@fastify/swagger` 9. The OpenAPI 3.1 document of the
 * service then has the unsuccessful responses of each operation:
 * `app.register(swagger, openapi(app))`.
 *
 * @throws {TypeError} for an option that is unknown or of the wrong type
 * @throws {Error} if the plugin `fastify-reason-phrase` is not registered, or if `schemas` and `document.components.schemas`
 * have different schemas with the same name
 */
export function openapi (app: FastifyInstance<any, any, any, any, any>, options: OpenApiOptions = {}): FastifyDynamicSwaggerOptions {
  checkArguments(app, options)
  const { document = {}, schemas = {} } = options
  const contract = requireContract(app, OPENAPI_CALL)
  const named = new NamedSchemas(schemas, document.components?.schemas)
  return {
    openapi: createDocument(document, contract),
    convertConstToEnum: false,
    refResolver: { buildLocalReference: schema => named.nameOf(schema) },
    transform ({ schema, route, ...object }) {
      const { openapiObject } = object as { openapiObject: Json }
      // @fastify/swagger needs the security scheme when it transforms the first operation that names the scheme.
      addSecurityScheme(app, openapiObject)
      return { schema: named.mark(describeOperation(app, contract, route, schema, openapiObject)), url: getDocumentUrl(route) }
    },
    transformObject (object) {
      const { openapiObject } = object as { openapiObject: Json }
      named.extract(openapiObject)
      completeOperations(openapiObject, contract)
      return openapiObject
    }
  }
}
