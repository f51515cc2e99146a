import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Operation } from '../../lib/idempotency/operation.js'
import type { NewRecord } from '../../lib/idempotency/record.js'
import { createRecords } from '../../lib/idempotency/records.js'
import { ROLLBACK, statement } from '../../lib/idempotency/statement.js'
import type { Records, Session } from '../../lib/idempotency/store.js'
import type { SqlStore } from '../../plugins/idempotency/index.js'

/** Returns a store with a fault that a run must find. */
export type Fault = <T>(store: SqlStore<T>) => SqlStore<T>

/** The faults that can be planted in the service. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'record-after-commit': recordAfterCommit,
  'no-tombstone': forgetClosings,
  lease: takeLeases
}

/** The time from the commit of the effects to the commit of the record, in milliseconds. */
const RECORD_DELAY_MS = 60

/** How long a lease is valid, in milliseconds. It is shorter than a pause. */
const LEASE_MS = 500

/**
 * The delay between the effects of a request with a lease and the commit, in milliseconds. Without it, most pauses would not
 * occur at this point.
 */
const LEASED_TIME_MS = 250

/** Returns a store that commits the effects first, and the record of the response in a second transaction. */
function recordAfterCommit<T> (store: SqlStore<T>): SqlStore<T> {
  return {
    ...store,
    async transaction (work) {
      let record: NewRecord | undefined
      const result = await store.transaction(async session => {
        const records = recordsOf(store, session)
        let fingerprint: Buffer
        return await work({
          ...session,
          records: override(records, {
            async claim (operation, claimed) {
              fingerprint = claimed
              return await records.claim(operation, claimed)
            },
            async settle (operation, answer) {
              record = { operation, fingerprint, state: 'succeeded', answer }
              await session.query(statement`delete from idempotency where id = ${operation.id}`)
            }
          })
        })
      })
      if (record !== undefined) {
        const late = record
        await sleep(RECORD_DELAY_MS)
        await store.transaction(async session => await recordsOf(store, session).insert([late]))
      }
      return result
    }
  }
}

/** Returns a store that reports that a key was closed, but deletes the record. */
function forgetClosings<T> (store: SqlStore<T>): SqlStore<T> {
  return {
    ...store,
    transaction: async work => await store.transaction(async session => {
      const records = recordsOf(store, session)
      const closed: Operation[] = []
      const result = await work({
        ...session,
        records: override(records, {
          async insert (rows) {
            closed.push(...rows.filter(({ state }) => state === 'closed').map(({ operation }) => operation))
            return await records.insert(rows)
          }
        })
      })
      for (const { id } of closed) await session.query(statement`delete from idempotency where id = ${id} and state = 'closed'`)
      return result
    })
  }
}

/**
 * Returns a store that locks a key with a lease, which is a separate row. A request whose lease has expired still commits
 * its effects, and overwrites the record. Each transaction needs a second connection, so the store does not work with SQLite.
 */
function takeLeases<T> (store: SqlStore<T>): SqlStore<T> {
  async function takeLease ({ id, key }: Operation): Promise<boolean> {
    const now = Date.now()
    const lease = createHash('sha256').update(id).digest()
    const rows = await store.query!(statement`insert into idempotency (id, scope, idempotency_key, state, created) values (${lease}, 'lease', ${key}, 'executing', ${now})
on conflict (id) do update set created = excluded.created where idempotency.created < ${now - LEASE_MS} returning 1 as taken`)
    return rows.length > 0
  }
  return {
    ...store,
    transaction: async work => await store.transaction(async session => {
      const records = recordsOf(store, session)
      let fingerprint: Buffer
      async function overwrite (record: NewRecord): Promise<void> {
        await session.query(statement`delete from idempotency where id = ${record.operation.id}`)
        await records.insert([record])
      }
      return await work({
        ...session,
        records: override(records, {
          async claim (operation, claimed) {
            fingerprint = claimed
            const record = await records.find(operation)
            if (record !== undefined) return { type: 'settled', record }
            return { type: await takeLease(operation) ? 'new' : 'executing' }
          },
          async settle (operation, answer) {
            await sleep(LEASED_TIME_MS)
            await overwrite({ operation, fingerprint, state: 'succeeded', answer })
          },
          async reject (record) {
            await session.query(ROLLBACK)
            await session.query(statement`begin`)
            await overwrite(record)
            return { type: 'new' }
          },
          async insert (rows) {
            const [{ operation }] = rows
            return await takeLease(operation) ? await records.insert(rows) : [false]
          }
        })
      })
    })
  }
}

function recordsOf<T> ({ dialect, table }: SqlStore<T>, { query }: Session<T>): Records {
  return createRecords(dialect, query, table)
}

/** Returns the records with some methods replaced. */
function override (records: Records, methods: Partial<Records>): Records {
  return new Proxy(records, {
    get: (_target, name: keyof Records) => methods[name] ?? (records[name] as (...parameters: unknown[]) => unknown).bind(records)
  })
}
