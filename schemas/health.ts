import { Type } from '@sinclair/typebox'
import { Maintenance } from './maintenance.js'

/** The health of the service. */
export const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')], {
    description: 'degraded: routes that need the database send 503'
  }),
  database: Type.Object({
    dialect: Type.Union([Type.Literal('sqlite'), Type.Literal('postgresql')]),
    state: Type.Union([Type.Literal('up'), Type.Literal('down')])
  }),
  maintenance: Maintenance
}, {
  description: 'The health of the service',
  examples: [{ status: 'ok', database: { dialect: 'sqlite', state: 'up' }, maintenance: { enabled: false } }]
})
