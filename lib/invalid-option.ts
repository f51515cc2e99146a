import { inspect } from 'node:util'
import { nearestName } from './nearest-name.js'

/**
 * Throws the error for an invalid option. The message contains the value, so
 * never pass a secret.
 *
 * @param rule the name of the option and what it must be, such as `header must be a string`
 * @param subject what the rule is about. Default: `option`
 * @throws {TypeError} always
 */
export function throwInvalidOption (rule: string, value: unknown, subject = 'option'): never {
  throw new TypeError(`fastify-reason-phrase: ${subject} ${rule}, not ${inspect(value, { depth: 0 })}`)
}

/**
 * Checks that the options are an object, and that each of their names is known.
 *
 * @param owner the plugin or function that has the options, for the message, such as `idempotency`. Default: none
 * @throws {TypeError} if the options are not an object. The message does not contain the value
 * @throws {TypeError} if a name is unknown. The message suggests the most similar name
 */
export function checkOptionNames (options: object, known: readonly string[], owner?: string): void {
  const ofOwner = owner === undefined ? '' : ` of ${owner}`
  if (typeof options !== 'object' || options === null) throw new TypeError(`fastify-reason-phrase: options${ofOwner} must be an object, not ${options === null ? 'null' : typeof options}`)
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw new TypeError(`fastify-reason-phrase: unknown option "${unknown}"${ofOwner}${nearest === undefined ? '.' : `; did you mean "${nearest}"?`} ${listOptions(known)}`)
}

function listOptions (names: readonly string[]): string {
  return names.length === 1 ? `The only option is ${names[0]}` : `The options are ${joinNames(names)}`
}

/**
 * Returns names as a list for a sentence: `a, b and c`.
 *
 * @param conjunction the word before the last name. Default: `and`
 */
export function joinNames (names: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${conjunction} ${names.at(-1)}`
}
