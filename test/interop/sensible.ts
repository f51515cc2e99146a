import sensible from '@fastify/sensible'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/cached', async (_request, reply) => {
    reply.maxAge(60).vary('accept')
    return 'ok'
  })
  app.get('/thrown', async () => { throw app.httpErrors.conflict('It is taken') })
  app.get('/server', async () => { throw app.httpErrors.badGateway('10.0.0.1 is away') })
  app.get('/exposed', async () => { throw app.httpErrors.createError(502, 'Our supplier is away', { expose: true }) })
  app.get('/assert', async () => { app.assert(false, 404, 'There is none') })
  app.get('/to', async () => {
    const [error] = await app.to(Promise.reject(app.httpErrors.forbidden('Not for you')))
    throw error
  })
  app.get('/its-own', async (_request, reply) => {
    reply.vary('accept')
    return reply.notFound('Its own')
  })
  app.get('/tea', async (_request, reply) => reply.imateapot('Short and stout'))
  app.get('/ours', async (_request, reply) => reply.unprocessable('Ours'))
  app.get('/created', async (_request, reply) => reply.created('ok', '/ours'))
}

t.test('@fastify/sensible: its errors and decorators keep the contract', async t => {
  testWithPlugin(t, { plugin: app => app.register(sensible), routes, orders: ['before'] }, async (t, { request }) => {
    t.equal((await request('/')).body, 'ok')
    t.match(await request('/cached'), { statusCode: 200, headers: { 'cache-control': 'max-age=60', vary: 'accept' } })
    t.match(await request('/created'), { statusCode: 201, headers: { location: '/ours' } })
    assertError(t, await request('/thrown'), 400, 'It is taken')
    assertError(t, await request('/server'), 500, /^Internal Server Error$/)
    assertError(t, await request('/exposed'), 500, 'Our supplier is away')
    assertError(t, await request('/assert'), 404, 'There is none')
    assertError(t, await request('/to'), 403, 'Not for you')
    const error = await request('/its-own')
    assertError(t, error, 404, 'Its own')
    t.equal(error.headers.vary, 'accept')
    assertError(t, await request('/tea'), 400, 'Short and stout')
    assertError(t, await request('/ours'), 422, 'Ours')
  })
})

t.test('@fastify/sensible: a route with its schema for an error is rejected', async t => {
  let refusal: unknown
  const described = (app: FastifyInstance) => {
    try {
      app.get('/', { schema: { response: { 404: { $ref: 'HttpError' } } } }, async () => 'ok')
    } catch (error) {
      refusal = error
    }
  }
  testWithPlugin(t, { plugin: app => app.register(sensible, { sharedSchemaId: 'HttpError' }), routes: described, orders: ['before'] }, async t => {
    t.match(refusal, { message: /Route GET \/: schema.response declares a body for 404/ })
  })
})
