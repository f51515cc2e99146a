import requestContext from '@fastify/request-context'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

declare module '@fastify/request-context' {
  interface RequestContextData { name: string }
}

const defaultStoreValues = (request: FastifyRequest) => {
  if (request.headers.name === undefined) throw new Error('The list of names is away')
  if (request.headers.name === '') throw Object.assign(new Error('Nobody has no name'), { statusCode: 422 })
  return { name: String(request.headers.name) }
}

const routes = (app: FastifyInstance) => {
  const { requestContext } = app
  app.get('/', async () => requestContext.get('name'))
  app.get('/thrown', async () => { throw Object.assign(new Error(`None for ${requestContext.get('name')}`), { statusCode: 404 }) })
  app.get('/decorated', async (_request, reply) => reply.forbidden(`Not for ${requestContext.get('name')}`))
  app.post('/', async request => request.body)
  app.register(async app => {
    app.setErrorHandler((error: Error, _request, reply) => reply.code(503).send({ message: `${requestContext.get('name')}: ${error.message}` }))
    app.get('/handled', async () => { throw new Error('It broke') })
  })
}

t.test('@fastify/request-context: the context is available in handlers and error handlers, and its errors keep the contract', async t => {
  testWithPlugin(t, { plugin: app => app.register(requestContext, { defaultStoreValues }), routes }, async (t, { request }) => {
    const headers = { name: 'ann' }
    t.match(await request({ url: '/', headers }), { statusCode: 200, body: 'ann' })
    assertError(t, await request({ url: '/thrown', headers }), 404, 'None for ann')
    assertError(t, await request({ url: '/decorated', headers }), 403, 'Not for ann')
    assertError(t, await request({ url: '/handled', headers }), 503, 'ann: It broke')
    assertError(t, await request({ method: 'POST', url: '/', headers: { ...headers, 'content-type': 'application/json' }, body: '{' }), 400, /JSON/)
    assertError(t, await request('/'), 500, /^Internal Server Error$/)
    assertError(t, await request({ url: '/', headers: { name: '' } }), 422, 'Nobody has no name')
  })
})
