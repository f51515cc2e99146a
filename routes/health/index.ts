import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox'
import { Health } from '../../schemas/health.js'

const routes: FastifyPluginAsyncTypebox = async app => {
  // While the database is down, the service is degraded. The request for its health still succeeds, so it gets 200.
  app.get('', {
    schema: { summary: 'Get the health of the service', response: { 200: Health } },
    config: { maintenance: 'exempt', signature: false }
  }, async (): Promise<Static<typeof Health>> => {
    const { dialect, isUp } = app.database
    const { state: maintenance } = app.maintenance
    return await isUp()
      ? { status: 'ok', database: { dialect, state: 'up' }, maintenance }
      : { status: 'degraded', database: { dialect, state: 'down' }, maintenance }
  })
}

export default routes
