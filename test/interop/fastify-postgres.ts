import fastifyPostgres from '@fastify/postgres'
import Fastify from 'fastify'
import t from 'tap'
import { pgStore } from '../../plugins/idempotency/stores/pg.js'
import { ignoreTermination, postgresql } from '../fixtures/database.js'
import { executeCombined, testStore } from '../fixtures/idempotent-store.js'

t.test('@fastify/postgres: executes operations once', { skip: postgresql.skip }, async t => {
  const { databaseUrl } = await postgresql.open(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyPostgres, { connectionString: databaseUrl })
  const { pool } = app.pg
  ignoreTermination(pool)
  const store = pgStore(pool)
  t.equal(store.poolSize, 10)
  await store.createTable()
  await pool.query('create table effect (n integer)')
  await testStore(t, {
    store,
    addEffect: client => client.query('insert into effect values (1)'),
    countEffects: async () => (await pool.query('select n from effect')).rows.length
  }, executeCombined)
})
