import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { closedPort } from '../fixtures/database.js'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'
import { assertCutResponse, UPSTREAM_ERRORS, startUpstream } from '../fixtures/upstream.js'

const TIMEOUT = 500

const routes = (app: FastifyInstance) => {
  app.all('/*', (request, reply) => reply.from(request.url))
}

// The HTTP clients that the plugin can use, and the expected response to an error whose body never ends. The results differ,
// because the timeout of node:http also applies after the header section.
const transports: Record<string, { options: FastifyReplyFromOptions, endless: [statusCode: number, reason: string] }> = {
  undici: { options: { undici: { headersTimeout: TIMEOUT } }, endless: [400, 'It is'] },
  'node:http': { options: { http: { requestOptions: { timeout: TIMEOUT } } }, endless: [500, 'Internal Server Error'] }
}

for (const [transport, { options, endless }] of Object.entries(transports)) {
  const plugin = (base: string) => (app: FastifyInstance) => app.register(replyFrom, { base, ...options })

  t.test(`@fastify/reply-from by ${transport}: makes the errors of an upstream keep the contract`, async t => {
    testWithPlugin(t, { plugin: plugin(await startUpstream(t)), routes }, async (t, { request }) => {
      t.match(await request('/good'), { statusCode: 200, phrase: 'OK', body: '{"ok":true}', headers: { 'content-type': 'application/json' } })
      t.match((await request('/gzip/good')).headers, { 'content-encoding': 'gzip' })
      t.match(await request({ method: 'HEAD', url: '/good' }), { statusCode: 200, body: '' })

      for (const [path, statusCode, reason] of UPSTREAM_ERRORS) assertError(t, await request(path), statusCode, reason)
      assertError(t, await request({ method: 'POST', url: '/json', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }), 400, 'It is taken')
      assertError(t, await request({ method: 'HEAD', url: '/json' }), 400, 'Bad Request')
      t.equal((await request('/unauthorized')).headers['www-authenticate'], 'Basic realm="upstream"')
      t.equal((await request('/unavailable')).headers['retry-after'], '1')
      assertError(t, await request('/endless'), ...endless)
      assertError(t, await request('/silent'), 500, 'Internal Server Error')
      assertError(t, await request('/reset'), 500, 'Internal Server Error')
    })
  })

  t.test(`@fastify/reply-from by ${transport}: truncates a response that the upstream truncates`, async t => {
    testWithPlugin(t, { plugin: plugin(await startUpstream(t)), routes }, assertCutResponse)
  })

  t.test(`@fastify/reply-from by ${transport}: sends 500 if the upstream is down`, async t => {
    testWithPlugin(t, { plugin: plugin(`http://127.0.0.1:${await closedPort()}`), routes }, async (t, { request }) => {
      assertError(t, await request('/good'), 500, 'Internal Server Error')
    })
  })
}
