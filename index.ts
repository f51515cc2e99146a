export { default, type ReasonPhraseOptions } from './plugins/reason-phrase.js'
export type { ServiceUnavailableOptions } from './plugins/decorators.js'
export type { RouteSchemaOptions } from './plugins/route-schemas.js'
export { serverOptions } from './plugins/server-options.js'
export type { ContractOptions } from './lib/contract.js'
// What these add to Fastify's own types.
export type {} from './plugins/not-implemented.js'
export type {} from './plugins/permissions.js'
