import { inspect } from 'node:util'

/** Refuses what somebody gave, with the rule that it does not keep. What could be a secret must not be given here. */
export function refuse (rule: string, value: unknown, subject = 'option'): never {
  throw new TypeError(`fastify-reason-phrase: ${subject} ${rule}, not ${inspect(value, { depth: 0 })}`)
}
