import Fastify, { type FastifyRequest } from 'fastify'
import { Migrator, type Kysely, type Migration, type PostgresPool, type Transaction } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { expect, test } from 'tstyche'
import reasonPhrase from 'fastify-reason-phrase'
import idempotency, {
  combineRoundTrips, createTableMigration, createTableStatements, kyselyStore, memoryStore, pgStore, toLiterals, toNumbered, toQuestionMarks,
  type IdempotencyStore, type MemoryTransaction, type NewRecord, type SqlStore, type Statement
} from 'fastify-reason-phrase/idempotency'

interface Tables { topic: { topicId: string, name: string } }

declare const request: FastifyRequest
declare const db: Kysely<Tables>
declare const pool: Pool
declare const record: NewRecord
declare const statement: Statement
const app = Fastify()
const store = memoryStore()

test('request.transaction is unknown until the service registers its type', () => {
  expect(request.transaction).type.toBe<unknown>()
})

test('idempotency accepts its options, and no others', () => {
  app.register(reasonPhrase).register(idempotency, { store })
  app.register(idempotency, {
    store,
    scope: request => request.ip,
    outcomes: '/v2/operation',
    headers: ['etag'],
    wait: 1,
    timeout: 1,
    maxInFlight: 1,
    maxBytes: 1,
    retention: 1
  })
  app.register(idempotency, {
    store, scope: undefined, outcomes: undefined, headers: undefined, wait: undefined, timeout: undefined, maxInFlight: undefined, maxBytes: undefined, retention: undefined
  })
  // @ts-expect-error Argument of type '{}' is not assignable
  app.register(idempotency, {})
  // @ts-expect-error is not assignable to type
  app.register(idempotency, { store, scope: async () => 'a' })
  // @ts-expect-error 'lease' does not exist
  app.register(idempotency, { store, lease: 1 })
})

test('a route with a shared transaction passes its effects to commitWith()', () => {
  app.post('/', { config: { idempotency: 'optional', transaction: 'shared' } }, async request => {
    await request.commitWith(async record => {
      expect(record).type.toBe<NewRecord | undefined>()
      return true
    })
  })
  expect(app.post).type.not.toBeCallableWith('/', { config: { idempotency: 'optional', transaction: 'own' } }, () => 'a')
  expect(request.commitWith).type.not.toBeCallableWith(async () => {})
})

test('stores have the type of their transaction', () => {
  expect(store).type.toBe<IdempotencyStore<MemoryTransaction>>()
  expect(pgStore(pool)).type.toBe<SqlStore<PoolClient>>()
  expect(pgStore(pool, { table: 'app.keys' })).type.toBe<SqlStore<PoolClient>>()
  expect(kyselyStore(db)).type.toBe<SqlStore<Transaction<Tables>>>()
  expect(kyselyStore(db, { dialect: 'sqlite', table: undefined })).type.toBe<SqlStore<Transaction<Tables>>>()
  expect(kyselyStore).type.not.toBeCallableWith(db, { dialect: 'mssql' })
  expect(pgStore).type.not.toBeCallableWith({ connect: async () => 'a' })
  expect(pgStore(pool).createTable()).type.toBe<Promise<void>>()
  db.transaction().execute(async transaction => {
    expect(kyselyStore(db).insertRecords(transaction, [record])).type.toBe<Promise<boolean[]>>()
  })
  expect(combineRoundTrips(pool)).type.toBeAssignableTo<PostgresPool>()
})

test('table functions accept the known dialects', () => {
  expect(createTableStatements('mysql', 'app.keys')).type.toBe<string[]>()
  expect(createTableStatements).type.not.toBeCallableWith('mssql')
  expect(createTableMigration()).type.toBeAssignableTo<Migration>()
  expect(Migrator).type.toBeConstructableWith({ db, provider: { getMigrations: async () => ({ a: createTableMigration({ table: 'b' }) }) } })
})

test('idempotency accepts a store of your own', () => {
  const own: IdempotencyStore<PoolClient> = {
    dialect: 'postgresql',
    transaction: async work => await work({
      transaction: await pool.connect(),
      query: async statement => {
        const { text, values } = toNumbered(statement)
        return (await pool.query(text, values)).rows
      }
    })
  }
  expect(app.register).type.toBeCallableWith(idempotency, { store: own })
  expect(toQuestionMarks(statement).text).type.toBe<string>()
  expect(toLiterals(toNumbered(statement))).type.toBe<string>()
})
