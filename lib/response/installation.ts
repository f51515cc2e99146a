import type { ServerResponse } from 'node:http'
import type { Contract } from '../contract.js'
import { findSymbol } from '../find-symbol.js'

/** What the methods of a response need: the same for each response of a class. */
export interface Installation {
  contract: Contract
  base: BaseMethods
  /** The getter of `headersSent` in Node's class. Others define a property of this name on the object. */
  getHeadersSent: Method<boolean>
  isHttp2: boolean
  /** Whether somebody replaced methods of the response object before ours. */
  isWrapped: boolean
}

type Method<Result> = (this: ServerResponse, ...args: any[]) => Result

/** The object whose methods ours call instead of `super`: the prototype of Node's class, or what another plugin put before it. */
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
