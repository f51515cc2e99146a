import { CONTRACT_OPTIONS } from '../../lib/contract.js'
import { checkOptionNames } from '../../lib/invalid-option.js'
import { correctName } from '../../lib/nearest-name.js'

/** The defaults of the options for the response schemas of routes. */
export const ROUTE_DEFAULTS = { errorSchemas: 'reject', requireSchemas: false } as const

const ROUTE_OPTIONS: readonly string[] = Object.keys(ROUTE_DEFAULTS)

const PLUGIN_OPTIONS = [...CONTRACT_OPTIONS, ...ROUTE_OPTIONS]

/** The names of Fastify's server options, which Fastify does not export. A test compares them with Fastify's types. */
export const FASTIFY_OPTIONS = [
  'ajv', 'allowErrorHandlerOverride', 'allowUnsafeRegex', 'bodyLimit', 'caseSensitive', 'childLoggerFactory', 'clientErrorHandler',
  'connectionTimeout', 'constraints', 'disableRequestLogging', 'exposeHeadRoutes', 'forceCloseConnections', 'frameworkErrors', 'genReqId',
  'handlerTimeout', 'http', 'http2', 'http2SessionTimeout', 'https', 'ignoreDuplicateSlashes', 'ignoreTrailingSlash',
  'keepAliveTimeout', 'logController', 'logger', 'loggerInstance', 'maxParamLength', 'maxRequestsPerSocket', 'onConstructorPoisoning',
  'onProtoPoisoning', 'pluginTimeout', 'querystringParser', 'requestIdHeader', 'requestIdLogLabel', 'requestTimeout',
  'return503OnClosing', 'rewriteUrl', 'routerOptions', 'schemaController', 'schemaErrorFormatter', 'serializerOpts', 'serverFactory',
  'trustProxy', 'useSemicolonDelimiter'
] as const

const FASTIFY_NAMES: ReadonlySet<string> = new Set(FASTIFY_OPTIONS)

/**
 * Checks that the first argument of `serverOptions()` has no options of the plugin.
 *
 * @throws {TypeError} for an option of the plugin. The message shows the argument to which it belongs
 */
export function checkFastifyOptions (options: object): void {
  const names = Object.keys(options).filter(name => !FASTIFY_NAMES.has(name))
  const meant = names.map(name => correctName(name, PLUGIN_OPTIONS))
  const index = meant.findIndex(name => name !== undefined)
  if (index === -1) return
  const found = meant.filter(name => name !== undefined)
  throw new TypeError(`fastify-reason-phrase: serverOptions() has the option "${names[index]}" in its first argument, which is for Fastify's options. Write ${showCalls(found)}`)
}

/**
 * Checks the names of the options in the second argument of `serverOptions()`.
 *
 * @throws {TypeError} for an option of Fastify or of `register()`, and for an unknown option
 */
export function checkContractOptions (options: object): void {
  const ofFastify = findFastifyNames(options)
  if (ofFastify.length > 0) {
    throw new TypeError(`fastify-reason-phrase: serverOptions() has Fastify's option "${ofFastify[0]}" in its second argument. Write serverOptions({ ${ofFastify.join(', ')} }, options)`)
  }
  const ofRoutes = Object.keys(options).filter(name => ROUTE_OPTIONS.includes(name))
  if (ofRoutes.length > 0) {
    throw new TypeError(`fastify-reason-phrase: serverOptions() has the option "${ofRoutes[0]}", which is for register(). Write ${showCalls(ofRoutes)}`)
  }
  checkOptionNames(options, CONTRACT_OPTIONS, 'serverOptions()')
}

/**
 * Checks the names of the options of the plugin.
 *
 * @throws {TypeError} for an option of Fastify, and for an unknown option
 */
export function checkPluginOptions (options: object): void {
  const ofFastify = findFastifyNames(options)
  if (ofFastify.length > 0) {
    throw new TypeError(`fastify-reason-phrase: register() has Fastify's option "${ofFastify[0]}". Write Fastify(serverOptions({ ${ofFastify.join(', ')} }))`)
  }
  checkOptionNames(options, PLUGIN_OPTIONS)
}

function findFastifyNames (options: object): string[] {
  return Object.keys(options).filter(name => FASTIFY_NAMES.has(name))
}

/** Returns the code that passes these options of the plugin. */
function showCalls (names: readonly string[]): string {
  const ofContract = names.filter(name => CONTRACT_OPTIONS.includes(name))
  const ofRoutes = names.filter(name => ROUTE_OPTIONS.includes(name))
  const calls = []
  if (ofContract.length > 0) calls.push(`serverOptions(fastifyOptions, { ${ofContract.join(', ')} })`)
  if (ofRoutes.length > 0) calls.push(`app.register(reasonPhrase, { ${ofRoutes.join(', ')} })`)
  return calls.join(' and ')
}
