import { Server as HttpServer, ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import { Server as HttpsServer } from 'node:https'
import type { Contract } from '../contract.js'
import { findSymbol } from '../find-symbol.js'
import { kInstallation, type BaseMethods, type ContractResponse, type Installation } from './installation.js'
import { methods } from './methods.js'
import { initializeState } from './state.js'

/** A class of responses, as the options of Node's servers take it. */
export type ResponseClass = new (...args: any[]) => object

/** Makes an existing response keep the contract. */
export type Patcher = (response: ServerResponse, isForced?: boolean) => void

/**
 * Returns a subclass of one of Node's response classes. Its instances keep the contract, no matter what code writes to them.
 * Pass it to the options `ServerResponse`, `Http1ServerResponse` and `Http2ServerResponse` of Node's servers, because the
 * servers respond to some requests before any other code sees them.
 */
export function createResponseClass<T extends ResponseClass> (Base: T, contract: Contract): T {
  const Class = Base as unknown === ServerResponse ? createNodeResponseClass() : createSubclass(Base)
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(Class.prototype, name, { value, writable: true, configurable: true })
  }
  Class.prototype[kInstallation] = createInstallation(Base.prototype, contract, false)
  return Class as T
}

/**
 * Makes an existing server create its responses from such a subclass.
 *
 * @returns whether this succeeded. It fails for HTTP/2, and if the response class of the server cannot be found
 */
export function replaceResponseClass (server: object, contract: Contract): boolean {
  if (!(server instanceof HttpServer || server instanceof HttpsServer)) return false
  // Node takes the class only in the constructor of the server, and keeps it under a private symbol.
  const key = findSymbol(server, 'ServerResponse')
  if (key === undefined) return false
  const classes = server as unknown as Record<symbol, ResponseClass>
  const Base = classes[key]!
  if (!(kInstallation in Base.prototype)) classes[key] = createResponseClass(Base, contract)
  return true
}

/**
 * Returns a function that makes a response keep the contract. A response that already keeps a contract stays unchanged. With
 * `isForced`, such a response gets own methods, because it is about to lose its class.
 */
export function createPatcher (contract: Contract): Patcher {
  const installations = new Map<ServerResponse, Installation>()

  return function patch (response, isForced = false) {
    const res = response as ContractResponse
    if (isForced ? Object.hasOwn(res, kInstallation) : res[kInstallation] !== undefined) return
    res[kInstallation] = findInstallation(res)
    // Set own methods, because replacing the prototype of the object takes twenty times as long.
    res.writeHead = methods.writeHead as typeof res.writeHead
    res.write = methods.write as typeof res.write
    res.end = methods.end as typeof res.end
    res.destroy = methods.destroy as typeof res.destroy
    res.addTrailers = methods.addTrailers as typeof res.addTrailers
    res.flushHeaders = methods.flushHeaders
  }

  function findInstallation (response: ContractResponse): Installation {
    let prototype = Object.getPrototypeOf(response)
    const { writeHead, write, end } = response
    const isWrapped = writeHead !== prototype.writeHead || write !== prototype.write || end !== prototype.end
    while (kInstallation in prototype) prototype = Object.getPrototypeOf(prototype)
    // If another plugin replaced methods, our methods call its methods.
    if (isWrapped) return createInstallation(Object.assign(Object.create(prototype), { writeHead, write, end }), contract, true)
    let installation = installations.get(prototype)
    if (installation === undefined) installations.set(prototype, installation = createInstallation(prototype, contract, false))
    return installation
  }
}

function createInstallation (prototype: ServerResponse, contract: Contract, isWrapped: boolean): Installation {
  const isHttp2 = prototype instanceof Http2ServerResponse || prototype as unknown === Http2ServerResponse.prototype
  // Keep the prototype and not its methods, because they may be replaced later.
  return { contract, base: prototype as unknown as BaseMethods, getHeadersSent: findGetter(prototype, 'headersSent'), isHttp2, isWrapped }
}

function findGetter (prototype: object, name: string): () => boolean {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
  return descriptor?.get ?? findGetter(Object.getPrototypeOf(prototype), name)
}

function createSubclass (Base: ResponseClass): ResponseClass {
  return class extends Base {
    constructor (...args: any[]) {
      super(...args)
      initializeState(this)
    }
  }
}

/**
 * Returns a subclass of Node's own class that calls its constructor as a function. For a success, `super()` would take longer
 * than all methods together.
 */
function createNodeResponseClass (): ResponseClass {
  function ContractResponse (this: ServerResponse, request: unknown, options: unknown): void {
    base.call(this, request, options)
    initializeState(this)
  }
  const base = ServerResponse as unknown as (this: object, request: unknown, options: unknown) => void
  ContractResponse.prototype = Object.create(ServerResponse.prototype, { constructor: { value: ContractResponse, writable: true, configurable: true } })
  return Object.setPrototypeOf(ContractResponse, ServerResponse)
}
