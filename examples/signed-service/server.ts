// A service whose clients sign their requests (RFC 9421), each with the permissions of its key.
//
//     SECRET=$(openssl rand -hex 32); export SECRET
//     npx tsx examples/signed-service/server.ts
//
// and in another terminal, with the same SECRET:
//
//     npx fastify-reason-phrase call GET http://127.0.0.1:3000/topic --key "reader:$SECRET"
//     npx fastify-reason-phrase call DELETE http://127.0.0.1:3000/topic --key "reader:$SECRET"
//     curl -i http://127.0.0.1:3000/topic
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import signature, { memoryStore } from 'fastify-reason-phrase/signature'

const { SECRET, PORT = '3000' } = process.env
if (!SECRET) throw new Error('Set SECRET to the secret of the key')

const keys = new Map([['reader', { secret: SECRET, permissions: ['topic:read'] }]])

const app = Fastify(serverOptions({ logger: true }))
await app.register(reasonPhrase)
await app.register(signature, {
  keys: id => keys.get(id),
  replay: { store: memoryStore() } // accepts each signature once
})

app.get('/topic', { config: { permission: 'topic:read' } }, async request => `Hello ${request.key?.id}`)

app.delete('/topic', { config: { permission: 'topic:write' } }, async () => 'deleted')

app.get('/health', { config: { signature: false } }, async () => 'ok')

await app.listen({ port: Number(PORT) })
