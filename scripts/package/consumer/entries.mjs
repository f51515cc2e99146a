// Uses the entries of the package together, over a connection.
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { assertContract } from 'fastify-reason-phrase/conformance'
import maintenance from 'fastify-reason-phrase/maintenance'
import signature, { memoryStore } from 'fastify-reason-phrase/signature'
import { createClient } from 'fastify-reason-phrase/client'
const app = Fastify(serverOptions())
await app.register(reasonPhrase)
await app.register(maintenance)
await app.register(signature, { keys: id => id === 'a' ? { secret: 'b', permissions: [] } : undefined, replay: { store: memoryStore() } })
app.post('/', async request => request.body)
const baseUrl = await app.listen()
const { outcome, body } = await createClient({ baseUrl, key: { id: 'a', secret: 'b' } })('POST', '/', { body: { signed: true } })
await assertContract(await fetch(baseUrl))
const { status } = await createClient({ baseUrl })('POST', '/')
await app.maintenance.enter()
const { retryAfter } = await createClient({ baseUrl })('POST', '/')
console.log(outcome, body, status, retryAfter)
await app.close()
if (body.signed !== true || status !== 401 || retryAfter !== 60) process.exit(1)
