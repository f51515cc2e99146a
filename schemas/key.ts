import { Type } from '@sinclair/typebox'

/** What the holder of a key can be permitted to do. */
export const Permission = Type.Union([
  Type.Literal('topic:read'),
  Type.Literal('topic:write'),
  Type.Literal('message:read'),
  Type.Literal('message:write'),
  Type.Literal('operator')
])

/** The file of the keys. */
export const Keys = Type.Array(Type.Object({
  id: Type.String({ minLength: 1, pattern: '^[ -~]*$' }),
  secret: Type.String({ minLength: 1 }),
  permissions: Type.Array(Permission)
}, { additionalProperties: false }))
