import { CONTRACT_OPTIONS } from '../lib/contract.js'
import { checkOptionNames, throwInvalidOption } from '../lib/invalid-option.js'
import { nearestName } from '../lib/nearest-name.js'

// CONTRACT_OPTIONS are all accepted, because a test can pass the same options to its service and to the kit.
const NAMES = [...CONTRACT_OPTIONS, 'requests', 'allowUnsuccessful', 'headers', 'concurrency', 'timeout', 'skip', 'only', 'slow', 'idempotent', 'outcomes', 'otherHeaders']

const LISTS = ['requests', 'skip', 'only', 'idempotent']

/**
 * Checks the options of `conformance()`, except those of the contract.
 *
 * @throws {TypeError} if an option is unknown or has the wrong type
 */
export function checkConformanceOptions (options: object): void {
  checkOptionNames(options, NAMES, 'conformance()')
  const values = options as Record<string, unknown>
  for (const name of LISTS) {
    if (values[name] !== undefined && !Array.isArray(values[name])) throwInvalidOption(`${name} of conformance() must be an array`, values[name])
  }
  const { allowUnsuccessful = false, concurrency = 1, timeout = 1 } = values
  if (typeof allowUnsuccessful !== 'boolean') throwInvalidOption('allowUnsuccessful of conformance() must be a boolean', allowUnsuccessful)
  if (!Number.isSafeInteger(concurrency) || (concurrency as number) < 1) throwInvalidOption('concurrency of conformance() must be a positive integer', concurrency)
  if (typeof timeout !== 'number' || !(timeout > 0)) throwInvalidOption('timeout of conformance() must be a positive number of milliseconds', timeout)
}

/**
 * Throws the error for a name in `skip` or `only` that matches no probe.
 *
 * @throws {TypeError} always
 */
export function throwUnknownProbe (name: string, ids: readonly string[]): never {
  const nearest = nearestName(name, ids)
  throw new TypeError(`fastify-reason-phrase: no probe has the id "${name}", or an id that starts with "${name}-"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`)
}
