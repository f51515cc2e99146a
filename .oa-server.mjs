import { writeFileSync } from 'node:fs'
import Fastify from 'fastify'
import swagger from '@fastify/swagger'
import { Type } from '@sinclair/typebox'
import reasonPhrase, { serverOptions } from './dist/index.js'
import { openapi } from './dist/plugins/openapi/index.js'
const app = Fastify(serverOptions())
await app.register(reasonPhrase)
const Topic = Type.Object({ name: Type.String({ pattern: '^[^\\u0000-\\u001f]+$' }) }, { $id: 'Topic' })
await app.register(swagger, openapi(app, { document: { info: { title: 'Topics', version: '1' }, servers: [{ url: 'http://127.0.0.1:4010' }] } }))
app.get('/topic/:topicId', { schema: { operationId: 'getTopic', tags: ['topic'], params: Type.Object({ topicId: Type.String() }), response: { 200: Topic } } }, async (request, reply) => request.params.topicId === '1' ? { name: 'orders' } : reply.notFound(`No topic ${request.params.topicId}`))
app.post('/topic', { schema: { operationId: 'createTopic', tags: ['topic'], body: Topic, response: { 201: Topic } }, config: { errors: { 422: 'The name is taken' } } }, async (request, reply) => request.body.name === 'taken' ? reply.unprocessable('The name "taken" is taken') : reply.created(request.body, '/topic/1'))
app.get('/later', { schema: { operationId: 'getLater', tags: ['topic'], response: { 200: Topic } } }, app.notImplemented)
app.get('/broken', { schema: { operationId: 'getBroken', tags: ['topic'], response: { 200: Topic } } }, async () => { throw new Error('secret') })
await app.ready()
writeFileSync('/tmp/oa/api.json', JSON.stringify(app.swagger(), null, 1))
await app.listen({ port: 4010, host: '127.0.0.1' })
