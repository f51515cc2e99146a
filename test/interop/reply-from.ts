import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import replyFrom, { type FastifyReplyFromHooks, type FastifyReplyFromOptions } from '@fastify/reply-from'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { closedPort } from '../fixtures/database.js'
import { interop, refused } from '../fixtures/interop.js'
import { breaksOff, REFUSALS, upstream } from '../fixtures/upstream.js'

const TIMEOUT = 200

const routes = (hooks?: FastifyReplyFromHooks) => (app: FastifyInstance) => {
  app.all('/*', (request, reply) => reply.from(request.url, hooks))
}

// What the plugin speaks to the upstream with.
const transports: Record<string, FastifyReplyFromOptions> = {
  undici: { undici: { headersTimeout: TIMEOUT } },
  'node:http': { http: { requestOptions: { timeout: TIMEOUT } } }
}

for (const [transport, options] of Object.entries(transports)) {
  const plugin = (base: string) => (app: FastifyInstance) => app.register(replyFrom, { base, ...options })

  t.test(`@fastify/reply-from by ${transport}`, async t => {
    interop(t, { plugin: plugin(await upstream(t)), routes: routes() }, async (t, { ask }) => {
      t.match(await ask('/good'), { statusCode: 200, phrase: 'OK', body: '{"ok":true}', headers: { 'content-type': 'application/json' } })
      t.match((await ask('/gzip/good')).headers, { 'content-encoding': 'gzip' })
      t.match(await ask({ method: 'HEAD', url: '/good' }), { statusCode: 200, body: '' })

      for (const [path, statusCode, , reason] of REFUSALS) refused(t, await ask(path), statusCode, reason)
      refused(t, await ask('/own/with-body'), 404, 'No topic EBT-1')
      refused(t, await ask({ method: 'POST', url: '/json', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }), 400, 'Bad Request')
      refused(t, await ask({ method: 'HEAD', url: '/json' }), 400, 'Bad Request')
      t.equal((await ask('/unauthorized')).headers['www-authenticate'], 'Basic realm="upstream"')
      t.equal((await ask('/unavailable')).headers['retry-after'], '1')
      refused(t, await ask('/large'), 400, 'Bad Request')
      refused(t, await ask('/endless'), 400, 'Bad Request')
      refused(t, await ask('/cut/error'), 400, 'Bad Request')
      refused(t, await ask('/silent'), 500, 'Internal Server Error')
      refused(t, await ask('/reset'), 500, 'Internal Server Error')
    })
  })

  t.test(`@fastify/reply-from by ${transport}, of an answer that breaks off`, async t => {
    interop(t, { plugin: plugin(await upstream(t)), routes: routes() }, breaksOff)
  })

  t.test(`@fastify/reply-from by ${transport}, of an upstream that is down`, async t => {
    interop(t, { plugin: plugin(`http://127.0.0.1:${await closedPort()}`), routes: routes() }, async (t, { ask }) => {
      refused(t, await ask('/good'), 500, 'Internal Server Error')
    })
  })

  t.test(`@fastify/reply-from by ${transport}, with the body of an error read for its message`, async t => {
    const hooks: FastifyReplyFromHooks = {
      async onResponse (_request, reply, response) {
        // The types of the plugin hide what comes.
        const { statusCode, stream } = response as unknown as { statusCode: number, stream: Readable }
        reply.send(statusCode < 400 ? stream : await buffer(stream))
      }
    }
    interop(t, { plugin: plugin(await upstream(t)), routes: routes(hooks) }, async (t, { ask }) => {
      t.equal((await ask('/good')).body, '{"ok":true}')
      for (const [path, statusCode, reason] of REFUSALS) refused(t, await ask(path), statusCode, reason)
    })
  })
}
