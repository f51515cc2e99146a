import accepts from '@fastify/accepts'
import type { FastifyInstance } from 'fastify'
import createError from 'http-errors'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/', async (request, reply) => {
    switch (request.type(['json', 'html'])) {
      case 'json': return { a: 1 }
      case 'html': return reply.type('text/html').send('<p>a')
      default: throw createError(406, `Only JSON or HTML, not ${request.headers.accept}`)
    }
  })
  app.get('/sent', async (request, reply) => {
    if (reply.requestLanguages(['en']) !== 'en') return reply.code(406).send({ error: `Not in ${request.languages()}` })
    return 'ok'
  })
}

const service = { plugin: (app: FastifyInstance) => app.register(accepts, { decorateReply: true }), routes }

t.test('@fastify/accepts: a 406 is sent as 400 with its message', async t => {
  testWithPlugin(t, service, async (t, { request }) => {
    t.match(await request({ url: '/', headers: { accept: 'text/html, */*;q=0.1' } }), { statusCode: 200, body: '<p>a', headers: { 'content-type': /html/ } })
    t.match(await request('/'), { statusCode: 200, body: '{"a":1}' })
    t.equal((await request({ url: '/sent', headers: { 'accept-language': 'en' } })).body, 'ok')

    assertError(t, await request({ url: '/', headers: { accept: 'text/csv' } }), 400, 'Only JSON or HTML, not text/csv')
    assertError(t, await request({ url: '/sent', headers: { 'accept-language': 'de' } }), 400, 'Not in de')
  })
})

t.test('@fastify/accepts: a 406 that is in statusCodes keeps its status code', async t => {
  testWithPlugin(t, { ...service, reasonPhrase: { statusCodes: { 406: 'Not Acceptable' } } }, async (t, { request }) => {
    assertError(t, await request({ url: '/', headers: { accept: 'text/csv' } }), 406, 'Only JSON or HTML, not text/csv')
  })
})
