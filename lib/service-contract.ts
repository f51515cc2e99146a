import type { Contract } from './contract.js'
import { findSymbol } from './find-symbol.js'

/** The router option in which a server has its contract. Fastify's `initialConfig` contains the options of its router. */
export const CONTRACT_OPTION = 'reasonPhraseContract'

/** The description of the symbol under which an instance has the registration of the plugin. */
export const REGISTRATION = 'fastify-reason-phrase.registration'

interface ContractHolder {
  readonly [kRegistration: symbol]: { readonly contract: Contract }
  readonly initialConfig?: { readonly routerOptions?: { readonly [CONTRACT_OPTION]?: () => Contract } }
}

/**
 * Returns the contract of a Fastify instance: that of the plugin, or else that of `serverOptions()`. Returns undefined if the
 * instance has neither.
 */
export function findContract (app: object): Contract | undefined {
  const holder = app as ContractHolder
  // The conformance kit can come from another copy of the package, which has other symbols.
  const key = findSymbol(app, REGISTRATION)
  return key === undefined ? holder.initialConfig?.routerOptions?.[CONTRACT_OPTION]?.() : holder[key]!.contract
}
