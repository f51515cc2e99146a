// A service with typed routes: TypeBox schemas for the payloads of 2xx, and descriptions of the errors.
//
//     npx tsx examples/typed-routes/server.ts
//     curl -i http://127.0.0.1:3000/topic --json '{"name":"orders"}'
//     curl -i http://127.0.0.1:3000/topic --json '{"name":""}'
//     curl -i http://127.0.0.1:3000/topic/2
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'

const Topic = Type.Object({ topicId: Type.Integer(), name: Type.String({ minLength: 1, maxLength: 100 }) })

const names: string[] = []

const app = Fastify(serverOptions({ logger: true })).withTypeProvider<TypeBoxTypeProvider>()
await app.register(reasonPhrase, { requireSchemas: true })

app.post('/topic', {
  schema: { body: Type.Pick(Topic, ['name']), response: { 201: Topic } },
  config: { errors: { 422: 'The name is taken' } }
}, async (request, reply) => {
  const { name } = request.body
  if (names.includes(name)) return reply.unprocessable(`The name ${name} is taken`)
  const topicId = names.push(name)
  return reply.created({ topicId, name }, `/topic/${topicId}`)
})

app.get('/topic/:topicId', {
  schema: { params: Type.Pick(Topic, ['topicId']), response: { 200: Topic } },
  config: { errors: { 404: 'No topic has this id' } }
}, async (request, reply) => {
  const { topicId } = request.params
  const name = names[topicId - 1]
  return name === undefined ? reply.notFound(`No topic ${topicId}`) : { topicId, name }
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
