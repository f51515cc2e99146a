import { inspect } from 'node:util'
import type { FastifyInstance, RegisterOptions } from 'fastify'
import { Contract, type ContractOptions, type OptionDifference } from '../../lib/contract.js'
import { REGISTRATION } from '../../lib/service-contract.js'
import { checkPluginOptions, ROUTE_DEFAULTS } from './option-names.js'
import type { RouteSchemaOptions } from './route-schemas.js'
import { serverContract } from './server-options.js'

/** Options of the plugin. */
export interface ReasonPhraseOptions extends ContractOptions, RouteSchemaOptions {}

const kRegistration = Symbol(REGISTRATION)

/** The contract and the options with which an instance and its children are registered. */
export interface Registration {
  contract: Contract
  routeOptions: RouteSchemaOptions
}

type Registered = FastifyInstance & { [kRegistration]?: Registration }

/** Returns the contract of an instance; undefined if the plugin is not registered there. */
export function contractOf (app: FastifyInstance): Contract | undefined {
  return (app as Registered)[kRegistration]?.contract
}

/** Returns whether the plugin is registered in a context itself, and not only in the context around it. */
export function hasOwnRegistration (context: FastifyInstance, around: FastifyInstance): boolean {
  return (context as Registered)[kRegistration] !== (around as Registered)[kRegistration]
}

/**
 * Registers the options on an instance.
 *
 * @returns the registration; undefined if the plugin is already registered on this instance
 * @throws {TypeError} for an option that is unknown, of the wrong type, or cannot work
 * @throws {Error} for options that differ from those of the server, or of an earlier registration
 */
export function register (app: FastifyInstance, options: ReasonPhraseOptions): Registration | undefined {
  const { prefix, logLevel, logSerializers, ...pluginOptions }: RegisterOptions & ReasonPhraseOptions = options
  checkPluginOptions(pluginOptions)
  const { errorSchemas, requireSchemas, ...contractOptions } = pluginOptions
  const earlier = (app as Registered)[kRegistration]
  const existing = earlier?.contract ?? serverContract(app)
  const contract = new Contract(contractOptions)
  const routeOptions = { errorSchemas, requireSchemas }
  const given = Object.entries(contractOptions).filter(([, value]) => value !== undefined).map(([name]) => name)
  throwDifferences([
    ...existing === undefined || given.length === 0 ? [] : contract.findDifferences(existing).filter(({ name }) => given.includes(name)),
    ...earlier === undefined ? [] : findRouteDifferences(routeOptions, earlier.routeOptions)
  ], earlier === undefined ? 'serverOptions()' : 'an earlier registration')
  if (earlier !== undefined) return undefined
  const registration = { contract: existing ?? contract, routeOptions }
  app.decorate(kRegistration, registration)
  return registration
}

/** Returns the options for route schemas that are given, and differ from those of the earlier registration. */
function findRouteDifferences (options: RouteSchemaOptions, earlier: RouteSchemaOptions): OptionDifference[] {
  const names = Object.keys(ROUTE_DEFAULTS) as Array<keyof RouteSchemaOptions>
  return names
    .map(name => ({ name, values: [options[name], earlier[name] ?? ROUTE_DEFAULTS[name]] as const }))
    .filter(({ values: [here, there] }) => here !== undefined && here !== there)
}

/** @throws {Error} if there is a difference. The message shows both values of each option */
function throwDifferences (differences: readonly OptionDifference[], place: string): void {
  if (differences.length === 0) return
  const values = differences.map(({ name, values: [here, there] }) => `${name} is ${inspect(here)} here, and ${inspect(there)} in ${place}`)
  throw new Error(`fastify-reason-phrase: the options differ: ${values.join('; ')}. Give each option once, or with the same value`)
}
