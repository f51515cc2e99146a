import { inspect, isDeepStrictEqual } from 'node:util'
import { Contract } from '../lib/contract.js'

/** The options of the contract that the kit uses to check responses. */
export interface JudgingOptions {
  /**
   * The name of the header that contains the message. Default: the name that the service uses, or `EB-REASON-PHRASE` if it is not
   * known.
   */
  header?: string | undefined
  /**
   * Status codes from 400 to 599, with their phrases, that extend the table. Default: the ones of the service, or none if they
   * are not known.
   */
  statusCodes?: Record<number, string> | undefined
}

/**
 * Returns the contract that responses are checked against: the contract of the service, or the options if it is not known.
 *
 * @param service the contract of the service. Undefined if it is not known.
 * @throws {TypeError} if an option is invalid, or differs from the option of the service
 */
export function resolveContract (service: Contract | undefined, options: JudgingOptions): Contract {
  const given = new Contract(options)
  const { header, statusCodes } = options
  if (service === undefined) return given
  if (header !== undefined && given.field !== service.field) throwConflict('header', header, service.header)
  // Compare only the codes, because the kit does not check the phrases.
  const [codes, serviceCodes] = [addedCodes(given), addedCodes(service)]
  if (statusCodes !== undefined && !isDeepStrictEqual(codes, serviceCodes)) throwConflict('the status codes', codes, serviceCodes, 'statusCodes')
  return service
}

/**
 * Throws the error for an option of the kit that differs from the option of the service.
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
