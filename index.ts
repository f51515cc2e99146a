export { default } from './plugins/reason-phrase.js'
export type { ServiceUnavailableOptions } from './plugins/decorators.js'
export { serverOptions } from './plugins/server-options.js'
export type { ContractOptions } from './lib/contract.js'
