import { Type } from '@sinclair/typebox'

const since = '2025-08-19T09:30:00.000Z'
const until = '2025-08-19T10:00:00.000Z'

const Enabled = Type.Boolean({ description: 'Whether requests are answered 503' })

// PostgreSQL stores neither NUL nor lone surrogates. A message of spaces alone has no meaning.
const Message = Type.String({
  minLength: 1,
  maxLength: 512,
  pattern: '^(?=.*\\S)[^\\p{Cc}\\p{Cs}]+$',
  description: 'What they are told',
  examples: ['We move to a larger database']
})

const RetryAfter = Type.Integer({
  minimum: 1,
  maximum: 604_800,
  description: 'After how many seconds they are told to try again, where it has no time to end',
  examples: [60]
})

/** The state of maintenance. */
export const Maintenance = Type.Object({
  enabled: Enabled,
  message: Type.Optional(Message),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'When it began, UTC', examples: [since] })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'When it ends by itself, UTC', examples: [until] })),
  retryAfter: Type.Optional(RetryAfter)
}, {
  description: 'The maintenance of the service; while there is none, enabled is all it has',
  examples: [{ enabled: true, message: 'We move to a larger database', since, until }]
})

/** The request body that begins, changes or ends maintenance. */
export const MaintenanceChange = Type.Object({
  enabled: Enabled,
  message: Type.Optional(Message),
  until: Type.Optional(Type.String({
    format: 'date-time',
    description: 'When it ends by itself, ISO 8601 with its time zone; in the future, and not with retryAfter',
    examples: [until]
  })),
  retryAfter: Type.Optional(RetryAfter)
}, { additionalProperties: false, description: 'Maintenance to begin, to change, or, by enabled alone, to end' })
