import type { Contract } from './contract.js'
import { findSymbol } from './find-symbol.js'

/** The router option that contains the contract of a server. Fastify's `initialConfig` contains the router options. */
export const CONTRACT_OPTION = 'reasonPhraseContract'

/** The description of the symbol under which an instance stores the registration of the plugin. */
export const REGISTRATION = 'fastify-reason-phrase.registration'

interface ContractHolder {
  readonly [kRegistration: symbol]: { readonly contract: Contract }
  readonly initialConfig?: { readonly routerOptions?: { readonly [CONTRACT_OPTION]?: () => Contract } }
}

/**
 * Returns the contract of a Fastify instance: the contract of the plugin, or of `serverOptions()` if the plugin is not
 * registered. Returns undefined if the instance has neither.
 */
export function findContract (app: object): Contract | undefined {
  const holder = app as ContractHolder
  // The conformance kit can come from another copy of the package, which has other symbols.
  const key = findSymbol(app, REGISTRATION)
  return key === undefined ? holder.initialConfig?.routerOptions?.[CONTRACT_OPTION]?.() : holder[key]!.contract
}
