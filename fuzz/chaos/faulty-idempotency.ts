import fp from 'fastify-plugin'
import idempotency, { kyselyStore } from '../../plugins/idempotency/index.js'
import { FAULTS } from './faults.js'

/** Replaces `plugins/app/idempotency.ts` in a service with a planted fault. */
export default fp(async function serviceIdempotency (app) {
  const store = FAULTS[process.env.CHAOS_FAULT!]!(kyselyStore(app.database.kysely))
  app.decorate('idempotencyStore', store)
  await app.register(idempotency, { store, outcomes: '/v2/operation' })
}, {
  name: 'idempotency',
  dependencies: ['database', 'docs', 'keys']
})
