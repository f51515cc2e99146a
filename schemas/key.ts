import { Type } from '@sinclair/typebox'

/** A permission that a key can have. */
export const Permission = Type.Union([
  Type.Literal('topic:read'),
  Type.Literal('topic:write'),
  Type.Literal('message:read'),
  Type.Literal('message:write'),
  Type.Literal('operator')
])

/** The content of the key file. */
export const Keys = Type.Array(Type.Object({
  id: Type.String({ minLength: 1, pattern: '^[ -~]*$' }),
  secret: Type.String({ minLength: 1 }),
  permissions: Type.Array(Permission)
}, { additionalProperties: false }))
