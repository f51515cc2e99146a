import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, RegisterOptions } from 'fastify'
import { Contract, type ContractOptions } from '../../lib/contract.js'
import { REGISTRATION } from '../../lib/service-contract.js'
import type { RouteSchemaOptions } from './route-schemas.js'
import { serverContract } from './server-options.js'

/** Options of the plugin. */
export interface ReasonPhraseOptions extends ContractOptions, RouteSchemaOptions {}

const kRegistration = Symbol(REGISTRATION)

/** What an instance and its children are registered with. */
export interface Registration {
  contract: Contract
  routeOptions: RouteSchemaOptions
}

type Registered = FastifyInstance & { [kRegistration]?: Registration }

/** Returns the contract that an instance keeps, if the plugin is registered there. */
export function contractOf (app: FastifyInstance): Contract | undefined {
  return (app as Registered)[kRegistration]?.contract
}

/**
 * Registers the options on an instance.
 *
 * @returns the registration; undefined if the plugin is registered there already
 * @throws {TypeError} for an option that is unknown, of the wrong type, or cannot work
 * @throws {Error} for options that differ from those of the server, or of an earlier registration
 */
export function register (app: FastifyInstance, options: ReasonPhraseOptions): Registration | undefined {
  const { prefix, logLevel, logSerializers, errorSchemas, requireSchemas, ...contractOptions }: RegisterOptions & ReasonPhraseOptions = options
  const earlier = (app as Registered)[kRegistration]
  const contract = resolveContract(contractOptions, earlier?.contract ?? serverContract(app))
  const routeOptions = { ...earlier?.routeOptions, ...(errorSchemas !== undefined && { errorSchemas }), ...(requireSchemas !== undefined && { requireSchemas }) }
  if (earlier === undefined) {
    const registration = { contract, routeOptions }
    app.decorate(kRegistration, registration)
    return registration
  }
  if (!isDeepStrictEqual(routeOptions, earlier.routeOptions)) throwConflict()
}

function resolveContract (options: ContractOptions, existing: Contract | undefined): Contract {
  const contract = new Contract(options)
  if (existing === undefined) return contract
  if (Object.values(options).some(value => value !== undefined) && !contract.equals(existing)) throwConflict()
  return existing
}

function throwConflict (): never {
  throw new Error('fastify-reason-phrase: these options differ from those of the server, or of an earlier registration. Give the options once')
}
