import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Maintenance, MaintenanceChange } from '../../../schemas/maintenance.js'

// Operators use these routes during maintenance.
const config = { permission: 'operator', maintenance: 'exempt' } as const

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('', {
    schema: { summary: 'Get the state of maintenance', response: { 200: Maintenance } },
    config
  }, async () => app.maintenance.state)

  app.put('', {
    schema: { summary: 'Begin, change or end maintenance', body: MaintenanceChange, response: { 200: Maintenance } },
    config: { ...config, idempotency: 'optional', errors: { 422: '`until` is in the past, or the given properties exclude each other.' } },
    // With a key, the state is saved in a transaction. Load it after the commit, before the client gets the response.
    onSend: async (_request, reply) => {
      if (reply.getHeader('idempotency-status') === 'succeeded') await app.maintenance.reload()
    }
  }, async (request, reply) => {
    const { transaction, body: { enabled, ...start } } = request
    const { until, retryAfter } = start
    if (!enabled) {
      const [unneeded] = Object.keys(start)
      return unneeded === undefined ? await app.maintenance.leave(transaction) : reply.unprocessable(`With enabled: false, ${unneeded} must be left out`)
    }
    if (until !== undefined && retryAfter !== undefined) return reply.unprocessable('Give until or retryAfter, not both')
    if (until !== undefined && Date.parse(until) <= Date.now()) return reply.unprocessable(`until must be in the future, not ${until}`)
    // The schema accepts forms of a date-time that the plugin does not accept, such as one with a space.
    return await app.maintenance.enter(until === undefined ? start : { ...start, until: new Date(until) }, transaction)
  })
}

export default routes
