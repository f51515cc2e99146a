import Fastify, { type FastifyRequest } from 'fastify'
import type { Kysely, Transaction } from 'kysely'
import type { Pool } from 'pg'
import { describe, expect, test } from 'tstyche'
import idempotency, { kyselyStore, memoryStore, pgStore } from 'fastify-reason-phrase/idempotency'

interface Tables { topic: { topicId: string, name: string } }
interface OtherTables { order: { item: string } }

declare module 'fastify-reason-phrase/idempotency' {
  interface Register { transaction: Transaction<Tables> }
}

declare const request: FastifyRequest
declare const db: Kysely<Tables>
declare const otherDb: Kysely<OtherTables>
declare const pool: Pool
const app = Fastify()

describe('A service that registers the transaction of its store', () => {
  test('has it in its requests', () => {
    expect(request.transaction).type.toBe<Transaction<Tables> | undefined>()
    app.post('/', { config: { idempotency: 'required' } }, async ({ transaction }) => {
      await transaction!.insertInto('topic').values({ topicId: '1', name: 'a' }).execute()
      // @ts-expect-error Argument of type '"order"' is not assignable
      await transaction!.insertInto('order').execute()
    })
  })

  test('can use only a store with this transaction', () => {
    app.register(idempotency, { store: kyselyStore(db) })
    expect(app.register).type.toBeCallableWith(idempotency, { store: kyselyStore(db, { table: 'app.keys' }) })
    // @ts-expect-error is not assignable
    app.register(idempotency, { store: kyselyStore(otherDb) })
    // @ts-expect-error is not assignable
    app.register(idempotency, { store: pgStore(pool) })
    // @ts-expect-error is not assignable
    app.register(idempotency, { store: memoryStore() })
  })
})
