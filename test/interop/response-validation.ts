import responseValidation, { type Options } from '@fastify/response-validation'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const plugin = (options: Options = {}) => (app: FastifyInstance) => app.register(responseValidation, options)

const schema = { response: { 200: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] } } }

const send = async (_request: unknown, reply: FastifyReply) => reply.code(404).send({ message: 'There is none' })

const routes = (app: FastifyInstance) => {
  app.get('/', { schema }, async () => ({ id: 1 }))
  app.get('/invalid', { schema }, async () => ({ id: 'the secret' }))
  app.get('/unchecked', { schema, responseValidation: false } as object, async () => ({ id: '2' }))
  app.get('/created', { schema }, async (_request, reply) => reply.created({ id: 1 } as never))
  app.get('/decorated', { schema }, async (_request, reply) => reply.notFound('There is none'))
  app.get('/thrown', { schema }, async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.get('/sent', { schema }, send)
  app.get('/null', { schema: { response: { ...schema.response, 404: { type: 'null' } } } }, send)
}

t.test('@fastify/response-validation: sends 500 without a message for an invalid payload', async t => {
  testWithPlugin(t, { plugin: plugin(), routes }, async (t, { request }) => {
    t.match(await request('/'), { statusCode: 200, body: '{"id":1}' })
    t.match(await request('/unchecked'), { statusCode: 200, body: '{"id":2}' })
    t.equal((await request('/created')).statusCode, 201)
    assertError(t, await request('/invalid'), 500, /^Internal Server Error$/)
    for (const url of ['/decorated', '/thrown', '/sent']) assertError(t, await request(url), 404, 'There is none')
    // The schema of an error is validated too, even if it describes an empty body.
    assertError(t, await request('/null'), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/response-validation: sends its message with exposeServerErrors', async t => {
  testWithPlugin(t, { plugin: plugin(), routes, reasonPhrase: { exposeServerErrors: true } }, async (t, { request }) => {
    assertError(t, await request('/invalid'), 500, 'response/id must be integer')
  })
})

t.test('@fastify/response-validation: sends 500 for an error with a body if every status code must have a schema', async t => {
  testWithPlugin(t, { plugin: plugin({ responseStatusCodeValidation: true }), routes }, async (t, { request }) => {
    t.match(await request('/'), { statusCode: 200, body: '{"id":1}' })
    for (const url of ['/decorated', '/thrown']) assertError(t, await request(url), 404, 'There is none')
    for (const url of ['/sent', '/created']) assertError(t, await request(url), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/response-validation: sends errors whose schemas are ignored', async t => {
  const described = (app: FastifyInstance) => app.get('/', {
    schema: { response: { ...schema.response, 404: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } } }
  }, send)
  testWithPlugin(t, { plugin: plugin(), routes: described, reasonPhrase: { errorSchemas: 'ignore' } }, async (t, { request }) => {
    assertError(t, await request('/'), 404, 'There is none')
  })
})
