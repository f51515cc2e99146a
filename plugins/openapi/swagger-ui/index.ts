/** @ts-ignore The module is an optional peer: without it, this type is any. */
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { checkApp, requireContract } from '../check-arguments.js'
import { PAGE_SCRIPT } from './page-script.js'
import { PAGE_STYLE } from './style.js'

/** A call of the function, for messages. */
const CALL = "swaggerUiOptions(app, { routePrefix: '/docs' })"

/**
 * Returns options of `@fastify/swagger-ui`. On the page, Authorize takes the id and the secret of a key, each request is
 * signed in the browser, and an error shows its reason: `app.register(swaggerUi, swaggerUiOptions(app))`.
 *
 * @param options your own options of `@fastify/swagger-ui`. Default: none
 * @throws {TypeError} if the first argument is not a Fastify instance
 * @throws {Error} if the plugin `fastify-reason-phrase` is not registered
 */
export function swaggerUiOptions (app: FastifyInstance<any, any, any, any, any>, options: FastifySwaggerUiOptions = {}): FastifySwaggerUiOptions {
  checkApp(app, CALL)
  const contract = requireContract(app, CALL)
  const { theme } = options
  const headers = JSON.stringify({ header: contract.header, requestIdHeader: contract.requestId?.header })
  // The block hides the constant from the other scripts of the page.
  const script = `{\nconst HEADERS = ${headers};\n${PAGE_SCRIPT}}\n`
  return {
    ...options,
    // @fastify/swagger-ui serves the files of a theme like its own files: under its prefix, with its hooks and header fields.
    theme: {
      ...theme,
      css: [...theme?.css ?? [], { filename: 'reason-phrase.css', content: PAGE_STYLE }],
      js: [...theme?.js ?? [], { filename: 'reason-phrase.js', content: script }]
    }
  }
}
