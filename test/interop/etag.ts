import etag from '@fastify/etag'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { testWithPlugin, assertError, type RunningService } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/empty', async () => '')
  app.get('/thrown', async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.get('/sent', async (_request, reply) => reply.code(404).send('There is none'))
  app.get('/decorated', async (_request, reply) => reply.notFound('There is none'))
  app.get('/own-thrown', async (_request, reply) => {
    reply.header('etag', '"1"')
    throw Object.assign(new Error('There is none'), { statusCode: 404 })
  })
  app.get('/own-sent', async (_request, reply) => reply.code(404).header('etag', '"1"').send('There is none'))
  app.get('/own-decorated', async (_request, reply) => reply.header('etag', '"1"').notFound('There is none'))
}

t.test('@fastify/etag: adds ETag to successes, but not to errors', async t => {
  testWithPlugin(t, { plugin: app => app.register(etag), routes }, async (t, { request }) => {
    const success = await request('/')
    t.match(success, { statusCode: 200, body: 'ok', headers: { etag: /^".+"$/ } })
    t.match(await request({ url: '/', headers: { 'if-none-match': success.headers.etag! } }), { statusCode: 304, body: '', headers: { etag: success.headers.etag } })

    for (const url of ['/thrown', '/sent', '/decorated', '/own-thrown', '/own-sent', '/own-decorated']) {
      for (const method of ['GET', 'HEAD'] as const) {
        const error = await request({ method, url })
        assertError(t, error, 404, 'There is none')
        t.notOk('etag' in error.headers)
      }
    }
  })
})

t.test('@fastify/etag: never sends 304 instead of an error', async t => {
  const verify = (urls: string[]) => async (t: Test, { request }: RunningService) => {
    const { etag } = (await request('/empty')).headers
    for (const url of urls) {
      for (const cached of [etag!, '"1"', '*']) {
        for (const method of ['GET', 'HEAD'] as const) {
          assertError(t, await request({ method, url, headers: { 'if-none-match': cached } }), 404, 'There is none')
        }
      }
    }
  }
  const service = { plugin: (app: FastifyInstance) => app.register(etag), routes }
  testWithPlugin(t, { ...service, orders: ['after'] }, verify(['/thrown', '/sent', '/decorated', '/own-thrown', '/own-sent', '/own-decorated']))
  // If @fastify/etag is registered first, its hook compares a tag that the handler has set before our hook runs. So /own-sent and
  // /own-decorated are not tested.
  testWithPlugin(t, { ...service, orders: ['before'] }, verify(['/thrown', '/sent', '/decorated', '/own-thrown']))
})

t.test('@fastify/etag: sends 500 if hashing fails, and does not hash errors', async t => {
  const hashFn = () => { throw new Error('It cannot be hashed') }
  testWithPlugin(t, { plugin: app => app.register(etag, { hashFn }), routes }, async (t, { request }) => {
    assertError(t, await request('/'), 500, /^Internal Server Error$/)
    for (const url of ['/thrown', '/decorated']) assertError(t, await request(url), 404, 'There is none')
  })
})
