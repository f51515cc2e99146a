import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Maintenance, MaintenanceChange } from '../../../schemas/maintenance.js'

// An operator must get through during maintenance, too.
const config = { permission: 'operator', maintenance: 'exempt' } as const

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('', {
    schema: { summary: 'Tell whether the service is under maintenance', response: { 200: Maintenance } },
    config
  }, async () => app.maintenance.state)

  app.put('', {
    schema: { summary: 'Begin, change or end maintenance', body: MaintenanceChange, response: { 200: Maintenance } },
    config: { ...config, errors: { 422: 'The time to end is past, or what is given excludes each other.' } }
  }, async (request, reply) => {
    const { enabled, ...start } = request.body
    const { until, retryAfter } = start
    if (!enabled) {
      const [unneeded] = Object.keys(start)
      return unneeded === undefined ? await app.maintenance.leave() : reply.unprocessable(`Maintenance that ends takes no ${unneeded}`)
    }
    if (until !== undefined && retryAfter !== undefined) return reply.unprocessable('Give until or retryAfter, not both')
    if (until !== undefined && Date.parse(until) <= Date.now()) return reply.unprocessable(`${until} is past`)
    // In one form, since a schema's date-time has more than one.
    return await app.maintenance.enter(until === undefined ? start : { ...start, until: new Date(until) })
  })
}

export default routes
