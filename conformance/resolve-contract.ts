import { inspect, isDeepStrictEqual } from 'node:util'
import { Contract } from '../lib/contract.js'

/** The options of the contract that the kit needs to know. */
export interface JudgingOptions {
  /** The name of the header that carries the message. Default: that of the service, or else `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Status codes from 400 to 599, with their phrases, that extend the table. Default: those of the service, or else none. */
  statusCodes?: Record<number, string> | undefined
}

/**
 * Returns the contract by which the kit judges: that of the service, or else that of the options.
 *
 * @param service the contract that the service or the response has, if it has one
 * @throws {TypeError} if an option is invalid, or differs from what the service has
 */
export function resolveContract (service: Contract | undefined, options: JudgingOptions): Contract {
  const given = new Contract(options)
  const { header, statusCodes } = options
  if (service === undefined) return given
  if (header !== undefined && given.field !== service.field) throwConflict('header', header, service.header)
  // The kit does not judge the phrases.
  const [codes, serviceCodes] = [addedCodes(given), addedCodes(service)]
  if (statusCodes !== undefined && !isDeepStrictEqual(codes, serviceCodes)) throwConflict('the status codes', codes, serviceCodes, 'statusCodes')
  return service
}

/**
 * Throws the error for an option of the kit that differs from what the service has.
 *
 * @throws {TypeError} always
 */
export function throwConflict (subject: string, given: unknown, ofService: unknown, option = subject): never {
  throw new TypeError(`fastify-reason-phrase: the kit was given ${subject} ${inspect(given)}, but the service has ${inspect(ofService)}. Remove the option ${option}: the kit takes it from the service`)
}

const TABLE = new Contract()

function addedCodes ({ phrases }: Contract): number[] {
  return [...phrases.keys()].filter(statusCode => !TABLE.phrases.has(statusCode)).sort((a, b) => a - b)
}
