import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/document', async () => app.swagger())
  app.get('/topic/:topicId', { schema: { response: { 200: { type: 'object', properties: { name: { type: 'string' } } } } } }, async (_request, reply) => reply.notFound('No topic EBT-1'))
}

t.test('@fastify/swagger: serves the document, and routes keep the contract', async t => {
  testWithPlugin(t, { plugin: app => app.register(swagger, { openapi: { info: { title: 'Topics', version: '2' } } }), routes: app => app.register(async app => routes(app)) }, async (t, { request }) => {
    const document = await request('/document')
    t.equal(document.statusCode, 200)
    t.match(JSON.parse(document.body), { info: { title: 'Topics' }, paths: { '/topic/{topicId}': { get: { responses: { 200: Object } } } } })
    assertError(t, await request('/topic/EBT-1'), 404, 'No topic EBT-1')
    assertError(t, await request('/none'), 404, 'Route GET:/none not found')
  })
})

t.test('@fastify/swagger: sends 500 if the document cannot be created', async t => {
  // Links cannot be described in Swagger 2.0.
  const linked = (app: FastifyInstance) => app.register(async app => {
    app.get('/linked', { links: { 200: { next: { operationId: 'other' } } } } as object, async () => 'ok')
    routes(app)
  })
  testWithPlugin(t, { plugin: app => app.register(swagger, { swagger: {} }), routes: linked }, async (t, { request }) => {
    assertError(t, await request('/document'), 500, 'Internal Server Error')
    t.equal((await request('/linked')).body, 'ok')
  })
})
