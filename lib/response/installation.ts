import type { ServerResponse } from 'node:http'
import type { Contract } from '../contract.js'
import { findSymbol } from '../find-symbol.js'

/** The data that the methods of a response need. All responses of a class share it. */
export interface Installation {
  contract: Contract
  base: BaseMethods
  /** The getter of `headersSent` in Node's class. An own property of the response can hide it. */
  getHeadersSent: Method<boolean>
  isHttp2: boolean
  /** Whether other code replaced methods of the response object before ours. */
  isWrapped: boolean
}

type Method<Result> = (this: ServerResponse, ...args: any[]) => Result

/** The methods that ours call instead of `super`: those of the prototype of Node's class, or those that another plugin set. */
export interface BaseMethods {
  writeHead: Method<ServerResponse>
  write: Method<boolean>
  end: Method<ServerResponse>
  destroy: Method<unknown>
  addTrailers: Method<void>
  flushHeaders: Method<void>
}

const INSTALLATION = 'fastify-reason-phrase.installation'

export const kInstallation = Symbol(INSTALLATION)

/** A response whose methods are ours. */
export type ContractResponse = ServerResponse & { [kInstallation]: Installation }

/** Returns the contract that a response keeps, or undefined if it keeps none. */
export function getContract (response: object): Contract | undefined {
  // The conformance kit can come from another copy of the package, which has other symbols.
  const key = findSymbol(response, INSTALLATION)
  return key === undefined ? undefined : (response as Record<symbol, Installation>)[key]!.contract
}
