import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { closedPort } from '../fixtures/database.js'
import { interop, refused } from '../fixtures/interop.js'
import { breaksOff, REFUSALS, upstream } from '../fixtures/upstream.js'

const TIMEOUT = 500

const routes = (app: FastifyInstance) => {
  app.all('/*', (request, reply) => reply.from(request.url))
}

// What the plugin speaks to the upstream with, and what becomes of an error
// whose body never ends: node:http's timeout counts what comes after the head, too.
const transports: Record<string, { options: FastifyReplyFromOptions, endless: [statusCode: number, reason: string] }> = {
  undici: { options: { undici: { headersTimeout: TIMEOUT } }, endless: [400, 'It is'] },
  'node:http': { options: { http: { requestOptions: { timeout: TIMEOUT } } }, endless: [500, 'Internal Server Error'] }
}

for (const [transport, { options, endless }] of Object.entries(transports)) {
  const plugin = (base: string) => (app: FastifyInstance) => app.register(replyFrom, { base, ...options })

  t.test(`@fastify/reply-from by ${transport}`, async t => {
    interop(t, { plugin: plugin(await upstream(t)), routes }, async (t, { ask }) => {
      t.match(await ask('/good'), { statusCode: 200, phrase: 'OK', body: '{"ok":true}', headers: { 'content-type': 'application/json' } })
      t.match((await ask('/gzip/good')).headers, { 'content-encoding': 'gzip' })
      t.match(await ask({ method: 'HEAD', url: '/good' }), { statusCode: 200, body: '' })

      for (const [path, statusCode, reason] of REFUSALS) refused(t, await ask(path), statusCode, reason)
      refused(t, await ask({ method: 'POST', url: '/json', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }), 400, 'It is taken')
      refused(t, await ask({ method: 'HEAD', url: '/json' }), 400, 'Bad Request')
      t.equal((await ask('/unauthorized')).headers['www-authenticate'], 'Basic realm="upstream"')
      t.equal((await ask('/unavailable')).headers['retry-after'], '1')
      refused(t, await ask('/endless'), ...endless)
      refused(t, await ask('/silent'), 500, 'Internal Server Error')
      refused(t, await ask('/reset'), 500, 'Internal Server Error')
    })
  })

  t.test(`@fastify/reply-from by ${transport}, of an answer that breaks off`, async t => {
    interop(t, { plugin: plugin(await upstream(t)), routes }, breaksOff)
  })

  t.test(`@fastify/reply-from by ${transport}, of an upstream that is down`, async t => {
    interop(t, { plugin: plugin(`http://127.0.0.1:${await closedPort()}`), routes }, async (t, { ask }) => {
      refused(t, await ask('/good'), 500, 'Internal Server Error')
    })
  })
}
