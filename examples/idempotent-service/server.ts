// A service on PostgreSQL that executes each request once, however often it is sent.
//
//     SECRET=$(openssl rand -hex 32); export SECRET
//     DATABASE_URL=postgres://127.0.0.1:5432/test npx tsx examples/idempotent-service/server.ts
//
// and in another terminal, with the same SECRET, the same command twice:
//
//     npx fastify-reason-phrase call POST http://127.0.0.1:3000/order --key "shop:$SECRET" --idempotency-key order-7 --data '{"item":"book"}'
import postgres from '@fastify/postgres'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import idempotency, { pgStore } from 'fastify-reason-phrase/idempotency'
import signature from 'fastify-reason-phrase/signature'
import type { PoolClient } from 'pg'

declare module 'fastify-reason-phrase/idempotency' {
  interface Register { transaction: PoolClient }
}

const { DATABASE_URL, SECRET, PORT = '3000' } = process.env
if (!SECRET) throw new Error('Set SECRET to the secret of the key')
const key = { secret: SECRET, permissions: [] }

const app = Fastify(serverOptions({ logger: true }))
await app.register(reasonPhrase)
await app.register(postgres, { connectionString: DATABASE_URL, connectionTimeoutMillis: 3_000, query_timeout: 5_000 })
app.pg.pool.on('error', error => app.log.warn(error)) // a lost connection, which the pool replaces

const store = pgStore(app.pg.pool)
await store.createTable()
await app.pg.query('create table if not exists orders (id serial primary key, item text not null)')

await app.register(signature, { keys: id => id === 'shop' ? key : undefined }) // clients do not share idempotency keys
await app.register(idempotency, { store, outcomes: '/operation' })

app.post<{ Body: { item: string } }>('/order', {
  schema: { body: { type: 'object', required: ['item'], properties: { item: { type: 'string' } } } },
  config: { idempotency: 'required' }
}, async (request, reply) => {
  const { item } = request.body
  if (item === 'unicorn') return reply.unprocessable('Unicorns are sold out')
  // The order and the record of the response are committed together.
  const { rows: [order] } = await request.transaction!.query('insert into orders (item) values ($1) returning id', [item])
  return reply.created(order, `/order/${order.id}`)
})

await app.listen({ port: Number(PORT) })
