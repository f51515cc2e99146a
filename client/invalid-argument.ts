/**
 * Throws the error for an invalid argument of the caller. The message contains
 * no value, because any value could be a secret. `lib/invalid-option.ts`
 * cannot be used here: it needs `node:util`, and the client runs in browsers.
 *
 * @param rule what the argument must be
 * @throws {TypeError} always
 */
export function throwInvalidArgument (rule: string): never {
  throw new TypeError(`fastify-reason-phrase: ${rule}`)
}
