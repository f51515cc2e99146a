import auth from '@fastify/auth'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

const no = (message: string, properties: object = {}) => async () => { throw Object.assign(new Error(message), properties) }
const yes = async () => {}
const coded = (_request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
  reply.code(403)
  done(new Error('Not for you'))
}

t.test('@fastify/auth', async t => {
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
    route('/folded', [no('Pay', { statusCode: 402 })])
    route('/decorated', [async (_request, reply) => reply.forbidden('Not today')])
  }
  interop(t, { plugin: app => app.register(auth), routes }, async (t, { ask }) => {
    t.match(await ask('/'), { statusCode: 200, body: 'ok' }, 'what one of several refuses, another can allow')
    t.match(await ask('/both'), { statusCode: 200, body: 'ok' })

    handled = 0
    const unauthorized = await ask('/key')
    refused(t, unauthorized, 401, 'No key')
    t.equal(unauthorized.headers['www-authenticate'], 'HMAC')
    refused(t, await ask('/last'), 401, 'No name')
    refused(t, await ask('/first'), 401, 'No key')
    refused(t, await ask('/own'), 404, 'You are not there')
    refused(t, await ask('/coded'), 403, 'Not for you')
    refused(t, await ask('/folded'), 400, 'Pay')
    refused(t, await ask('/decorated'), 403, 'Not today')
    t.equal(handled, 0)
  })
})
