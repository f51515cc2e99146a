/**
 * The plugin. It removes the body of every unsuccessful response, and sends its message in a header field.
 *
 * @module fastify-reason-phrase
 */
export { default, type ReasonPhraseOptions } from './plugins/reason-phrase/index.js'
export type { ErrorResponse } from './plugins/reason-phrase/error-response.js'
export type { RouteSchemaOptions } from './plugins/reason-phrase/route-schemas.js'
export type { ErrorStatusCode, ReplyErrorOptions } from './plugins/reason-phrase/send-error.js'
export { serverOptions } from './plugins/reason-phrase/server-options.js'
export type { ContractOptions } from './lib/contract.js'
export { ERROR_CHANNEL, type ErrorSource } from './lib/response/error-channel.js'
