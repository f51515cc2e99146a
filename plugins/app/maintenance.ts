import fp from 'fastify-plugin'
import maintenance from '../maintenance/index.js'

/** Maintenance as it is kept: a row while it is on. */
interface MaintenanceRow {
  id: 1
  message: string
  since: string
  until: string | null
  retryAfter: number | null
}

declare module './database/index.js' {
  interface Tables { maintenance: MaintenanceRow }
}

/** Registered by app.ts, in front of the plugins that are loaded by folder. */
export const autoload = false

/** The maintenance of the service, kept in its database, so that every process on it follows. */
export default fp(async function serviceMaintenance (app) {
  await app.register(maintenance, {
    exempt: ({ routeOptions: { url } }) => url === '/docs' || url?.startsWith('/docs/') === true,
    // The limits of the database come first: their errors say more than that the store is late.
    timeout: 5_000,
    store: {
      // The database is there only when the service is ready.
      load: () => app.database.run(async db => {
        const row = await db.selectFrom('maintenance').select(['message', 'since', 'until', 'retryAfter']).executeTakeFirst()
        if (row === undefined) return { enabled: false }
        const { until, retryAfter, ...rest } = row
        return { enabled: true, ...rest, until: until ?? undefined, retryAfter: retryAfter ?? undefined }
      }),

      save: state => app.database.run(async db => {
        if (!state.enabled) return await db.deleteFrom('maintenance').execute()
        const { enabled, until = null, retryAfter = null, ...rest } = state
        const row = { ...rest, until, retryAfter }
        return await db.insertInto('maintenance').values({ id: 1, ...row }).onConflict(conflict => conflict.column('id').doUpdateSet(row)).execute()
      })
    }
  })
}, { name: 'maintenance' })
