import { Type } from '@sinclair/typebox'
import { VISIBLE_LINE } from './characters.js'

const since = '2025-08-19T09:30:00.000Z'
const until = '2025-08-19T10:00:00.000Z'

const Enabled = Type.Boolean({ description: 'Whether requests get 503' })

// The pattern rejects a message of white space only, because clients would see no message.
const Message = Type.String({
  minLength: 1,
  maxLength: 512,
  pattern: VISIBLE_LINE,
  description: 'The message of the 503 responses',
  examples: ['We are moving to a larger database']
})

const RetryAfter = Type.Integer({
  minimum: 1,
  maximum: 604_800,
  description: 'After how many seconds clients should retry. Not with `until`',
  examples: [60]
})

/** The state of maintenance. */
export const Maintenance = Type.Object({
  enabled: Enabled,
  message: Type.Optional(Message),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'When maintenance began, UTC', examples: [since] })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'When maintenance ends by itself, UTC', examples: [until] })),
  retryAfter: Type.Optional(RetryAfter)
}, {
  description: 'The maintenance of the service. While it is off, `enabled` is the only property',
  examples: [{ enabled: true, message: 'We are moving to a larger database', since, until }]
})

/** The request body that begins, changes or ends maintenance. */
export const MaintenanceChange = Type.Object({
  enabled: Enabled,
  message: Type.Optional(Message),
  until: Type.Optional(Type.String({
    format: 'date-time',
    description: 'When maintenance ends by itself, ISO 8601 with a time zone. It must be in the future. Not with `retryAfter`',
    examples: [until]
  })),
  retryAfter: Type.Optional(RetryAfter)
}, { additionalProperties: false, description: 'Begins or changes maintenance, or ends it with `enabled: false` alone' })
