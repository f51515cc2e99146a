import fp from 'fastify-plugin'
import type { Transaction } from 'kysely'
import maintenance from '../maintenance/index.js'
import type { Tables } from './database/tables.js'

// app.ts registers this plugin, before the plugins of the folder.
export const autoload = false

/** Adds maintenance with its state in the database, so that it applies to all processes on this database. */
export default fp(async function serviceMaintenance (app) {
  await app.register(maintenance, {
    exempt: ({ routeOptions: { url } }) => url === '/docs' || url?.startsWith('/docs/') === true,
    // As long as the timeouts of the database, whose errors say more than a timeout of the store.
    timeout: 5_000,
    store: {
      // app.database is registered later, but before load() is called for the first time.
      load: () => app.database.run(async db => {
        const row = await db.selectFrom('maintenance').select(['message', 'since', 'until', 'retryAfter']).executeTakeFirst()
        if (row === undefined) return { enabled: false }
        const { until, retryAfter, ...rest } = row
        return { enabled: true, ...rest, until: until ?? undefined, retryAfter: retryAfter ?? undefined }
      }),

      save: (state, transaction?: Transaction<Tables>) => app.database.run(async db => {
        if (!state.enabled) return await db.deleteFrom('maintenance').execute()
        const { enabled, until = null, retryAfter = null, ...rest } = state
        const row = { ...rest, until, retryAfter }
        return await db.insertInto('maintenance').values({ id: 1, ...row }).onConflict(conflict => conflict.column('id').doUpdateSet(row)).execute()
      }, transaction)
    }
  })
}, { name: 'maintenance' })
