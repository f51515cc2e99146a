// The smallest service.
//
//     node examples/minimal/server.js
//     curl -i http://127.0.0.1:3000/topic
//     curl -i http://127.0.0.1:3000/topic/orders
//     curl -i http://127.0.0.1:3000/failure
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'

const app = Fastify(serverOptions({ logger: true })) // covers malformed requests and bad URLs
await app.register(reasonPhrase) // covers everything else

app.get('/topic', async () => ['orders'])

app.get('/topic/orders', async (_request, reply) => reply.notFound('The topic orders has no messages yet'))

app.get('/failure', async () => {
  throw new Error('The password of the database is wrong') // logged, and never sent
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
