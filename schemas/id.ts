import { Type } from '@sinclair/typebox'

type Prefix = 'EBM' | 'EBS' | 'EBT'

const example = (prefix: Prefix) => `${prefix}-0198c0a8f00070008000000000000001`

/** Returns the schema of an id that a client sends. */
export const Id = (prefix: Prefix, description: string) => Type.String({
  pattern: `^${prefix}-[0-9A-Fa-f]{32}$`,
  description: `${description}; its digits in upper or lower case`,
  examples: [example(prefix)]
})

/** Returns the schema of an id that the service sends. */
export const OwnId = (prefix: Prefix) => Type.String({
  description: `${prefix}- and the 32 digits of a UUIDv7`,
  examples: [example(prefix)]
})
