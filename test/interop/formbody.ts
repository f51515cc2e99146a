import formbody, { type FastifyFormbodyOptions } from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const plugin = (options: FastifyFormbodyOptions = {}) => (app: FastifyInstance) => app.register(formbody, options)

const routes = (app: FastifyInstance) => {
  app.post('/', async request => request.body)
  app.post('/checked', { schema: { body: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } } }, async request => request.body)
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('@fastify/formbody: sends 400 for invalid and too large forms', async t => {
  testWithPlugin(t, { plugin: plugin({ bodyLimit: 20 }), routes }, async (t, { request }) => {
    const post = (body: string, url = '/', headers = {}) => request({ method: 'POST', url, headers: { ...form, ...headers }, body })
    t.match(await post('a=1&b=%20x'), { statusCode: 200, body: '{"a":"1","b":" x"}' })
    t.match(await post('a=%zz&='), { statusCode: 200, body: '{"a":"%zz","":""}' }, 'accepts malformed percent-encoding')
    t.match(await post('n=1', '/checked'), { statusCode: 200, body: '{"n":1}' })

    assertError(t, await post('n=one', '/checked'), 400, 'body/n must be integer')
    assertError(t, await post('a', '/checked'), 400, "body must have required property 'n'")
    assertError(t, await post('a=12345678901234567890'), 400, 'Request body is too large')
    assertError(t, await post('a=1', '/', { 'content-type': 'multipart/form-data' }), 400, 'Unsupported Media Type')
  })
})

t.test('@fastify/formbody: sends what its parser throws', async t => {
  const parser = (text: string) => {
    if (text.includes('%zz')) throw Object.assign(new Error('That is no form'), { statusCode: 400 })
    return { name: decodeURIComponent(text) }
  }
  testWithPlugin(t, { plugin: plugin({ parser }), routes }, async (t, { request }) => {
    const post = (body: string) => request({ method: 'POST', url: '/', headers: form, body })
    t.match(await post('%C3%A9'), { statusCode: 200 })
    assertError(t, await post('%zz'), 400, 'That is no form')
    assertError(t, await post('%'), 500, /^Internal Server Error$/)
  })
})
