// Uses the entries of the package together, over a connection.
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { assertContract } from 'fastify-reason-phrase/conformance'
import idempotency, { memoryStore as memoryRecords } from 'fastify-reason-phrase/idempotency'
import maintenance from 'fastify-reason-phrase/maintenance'
import signature, { memoryStore } from 'fastify-reason-phrase/signature'
import { createClient } from 'fastify-reason-phrase/client'
const app = Fastify(serverOptions())
await app.register(reasonPhrase)
await app.register(maintenance)
await app.register(signature, { keys: id => id === 'a' ? { secret: 'b', permissions: [] } : undefined, replay: { store: memoryStore() } })
await app.register(idempotency, { store: memoryRecords() })
app.post('/', async request => request.body)
let orders = 0
app.post('/order', { config: { idempotency: 'required' } }, async ({ transaction }) => {
  transaction.onCommit(() => { orders++ })
  return { order: orders + 1 }
})
const baseUrl = await app.listen()
const signed = createClient({ baseUrl, key: { id: 'a', secret: 'b' } })
const { outcome, body } = await signed('POST', '/', { body: { signed: true } })
const order = () => signed('POST', '/order', { headers: { 'idempotency-key': 'a' } })
const first = await order()
const replay = await order()
await assertContract(await fetch(baseUrl))
const { status } = await createClient({ baseUrl })('POST', '/')
await app.maintenance.enter()
const { retryAfter } = await createClient({ baseUrl })('POST', '/')
console.log(outcome, body, status, retryAfter, first.body, replay.headers.get('idempotent-replayed'))
await app.close()
if (body.signed !== true || status !== 401 || retryAfter !== 60) process.exit(1)
if (orders !== 1 || first.body.order !== 1 || replay.body.order !== 1 || replay.headers.get('idempotent-replayed') !== 'true') process.exit(1)
