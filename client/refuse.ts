/** Says what is wrong with what the caller gave. Nothing of it is quoted: it could be a secret. */
export function refuse (rule: string): never {
  throw new TypeError(`fastify-reason-phrase: ${rule}`)
}
