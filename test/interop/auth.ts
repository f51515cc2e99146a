import auth from '@fastify/auth'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const no = (message: string, properties: object = {}) => async () => { throw Object.assign(new Error(message), properties) }
const yes = async () => {}
const coded = (_request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
  reply.code(403)
  done(new Error('Not for you'))
}

t.test('@fastify/auth: sends the message of the last failed function, with 401 or its own status code', async t => {
  let handled = 0
  const routes = (app: FastifyInstance) => {
    const route = (url: string, ...args: Parameters<typeof app.auth>) => app.get(url, { preHandler: app.auth(...args) }, async () => {
      handled++
      return 'ok'
    })
    route('/', [no('No key'), coded, yes])
    route('/both', [yes, yes], { relation: 'and' })
    route('/key', [no('No key')])
    route('/last', [no('No key'), no('No name')])
    route('/first', [no('No key'), yes], { relation: 'and', run: 'all' })
    route('/own', [no('You are not there', { statusCode: 404 })])
    route('/coded', [coded])
    route('/outside-the-table', [no('Pay', { statusCode: 402 })])
    route('/decorated', [async (_request, reply) => reply.forbidden('Not today')])
  }
  testWithPlugin(t, { plugin: app => app.register(auth), routes }, async (t, { request }) => {
    t.match(await request('/'), { statusCode: 200, body: 'ok' }, 'succeeds if one of several functions allows it')
    t.match(await request('/both'), { statusCode: 200, body: 'ok' })

    handled = 0
    const unauthorized = await request('/key')
    assertError(t, unauthorized, 401, 'No key')
    t.equal(unauthorized.headers['www-authenticate'], 'HMAC')
    assertError(t, await request('/last'), 401, 'No name')
    assertError(t, await request('/first'), 401, 'No key')
    assertError(t, await request('/own'), 404, 'You are not there')
    assertError(t, await request('/coded'), 403, 'Not for you')
    assertError(t, await request('/outside-the-table'), 400, 'Pay')
    assertError(t, await request('/decorated'), 403, 'Not today')
    t.equal(handled, 0)
  })
})
