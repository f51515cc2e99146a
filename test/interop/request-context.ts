import requestContext from '@fastify/request-context'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

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

t.test('@fastify/request-context', async t => {
  interop(t, { plugin: app => app.register(requestContext, { defaultStoreValues }), routes }, async (t, { ask }) => {
    const headers = { name: 'ann' }
    t.match(await ask({ url: '/', headers }), { statusCode: 200, body: 'ann' })
    refused(t, await ask({ url: '/thrown', headers }), 404, 'None for ann')
    refused(t, await ask({ url: '/decorated', headers }), 403, 'Not for ann')
    refused(t, await ask({ url: '/handled', headers }), 503, 'ann: It broke')
    refused(t, await ask({ method: 'POST', url: '/', headers: { ...headers, 'content-type': 'application/json' }, body: '{' }), 400, /JSON/)
    refused(t, await ask('/'), 500, /^Internal Server Error$/)
    refused(t, await ask({ url: '/', headers: { name: '' } }), 422, 'Nobody has no name')
  })
})
