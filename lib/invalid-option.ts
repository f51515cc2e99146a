import { inspect } from 'node:util'

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
