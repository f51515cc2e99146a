import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { contractOf } from '../reason-phrase/index.js'
import { createDocument } from './document.js'
import { getDocumentUrl } from './idempotency.js'
import type { Json } from './json.js'
import { completeOperation, describeOperation, getOperations } from './operations.js'
import { extractSchemas } from './schemas.js'
import { addSecurityScheme } from './security.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from '../reason-phrase/index.js'

export { swaggerUiOptions } from './swagger-ui/index.js'

/** Options of {@link openapi}. */
export interface OpenApiOptions {
  /** Your own parts of the document: `info`, `servers`, `tags`, `security`, `components` and others. Default: none. */
  document?: Record<string, any> | undefined
  /** Schemas by name. Each schema that the document uses at least twice becomes an entry of `components.schemas`. Default: none. */
  schemas?: Record<string, object> | undefined
}

/**
 * Returns options of `@fastify/swagger` 9. The OpenAPI 3.1 document of the
 * service then has the unsuccessful responses of each operation:
 * `app.register(swagger, openapi(app))`.
 *
 * @throws {Error} if the plugin `fastify-reason-phrase` is not registered
 */
export function openapi (app: FastifyInstance<any, any, any, any, any>, { document = {}, schemas = {} }: OpenApiOptions = {}): FastifyDynamicSwaggerOptions {
  const contract = contractOf(app)
  if (contract === undefined) throw new Error('fastify-reason-phrase: register the plugin before you call openapi()')

  return {
    openapi: createDocument(document, contract),
    convertConstToEnum: false,
    transform ({ schema, route, ...object }) {
      const { openapiObject } = object as { openapiObject: Json }
      // Swagger looks a security scheme up while it transforms the first operation that names it.
      addSecurityScheme(app, openapiObject)
      return { schema: describeOperation(app, contract, route, schema, openapiObject), url: getDocumentUrl(route) }
    },
    transformObject (object) {
      const { openapiObject } = object as { openapiObject: Json }
      for (const operation of getOperations(openapiObject)) completeOperation(operation)
      extractSchemas(openapiObject, schemas)
      return openapiObject
    }
  }
}
