import type { FastifyInstance, FastifyReply } from 'fastify'
import { hasZodFastifySchemaValidationErrors, serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import t from 'tap'
import { z } from 'zod'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const Topic = z.object({ id: z.int(), name: z.string().min(1, 'A topic needs a name — any') })

const plugin = (app: FastifyInstance) => {
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
}

const routes = (service: FastifyInstance) => {
  const app = service.withTypeProvider<ZodTypeProvider>()
  app.post('/', { schema: { body: Topic, response: { 201: Topic } } }, async (request, reply) =>
    request.body.id === 0 ? reply.unprocessable('No topic has this id') : reply.created(request.body))
  app.get('/:id', { schema: { params: z.object({ id: z.coerce.number().int() }), response: { 200: Topic } } }, async (request, reply) => {
    switch (request.params.id) {
      case 1: return { id: 1, name: 'orders' }
      case 2: return { id: 2, name: '' }
      default: return reply.notFound('There is none')
    }
  })
  const send = async (_request: unknown, reply: FastifyReply) => reply.code(404).send({ message: 'There is none' })
  app.get('/sent', { schema: { response: { 200: Topic } } }, send)
  app.get('/thrown', { schema: { response: { 200: Topic } } }, async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.register(async app => {
    app.setErrorHandler((error: Error, _request, reply) => hasZodFastifySchemaValidationErrors(error)
      ? reply.code(422).send({ message: error.validation.map(({ instancePath }) => instancePath).join() })
      : reply.send(error))
    app.withTypeProvider<ZodTypeProvider>().post('/handled', { schema: { body: Topic } }, async () => 'ok')
  })
}

t.test('fastify-type-provider-zod: sends validation messages, and 500 for a payload that does not match its schema', async t => {
  testWithPlugin(t, { plugin, routes }, async (t, { request }) => {
    const post = (body: object, url = '/') => request({ method: 'POST', url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    t.match(await post({ id: 1, name: 'orders', more: true }), { statusCode: 201, body: '{"id":1,"name":"orders"}' })
    t.match(await request('/1'), { statusCode: 200, body: '{"id":1,"name":"orders"}' })

    assertError(t, await post({ id: 1, name: '' }), 400, 'body/name A topic needs a name - any')
    assertError(t, await post({ id: '1', name: 'orders' }), 400, /^body\/id Invalid input: expected /)
    assertError(t, await request('/one'), 400, /^params\/id Invalid input: expected /)
    assertError(t, await post({ id: 1 }, '/handled'), 422, '/name')
    assertError(t, await post({ id: 0, name: 'orders' }), 422, 'No topic has this id')
    assertError(t, await request('/3'), 404, 'There is none')
    assertError(t, await request('/sent'), 404, 'There is none')
    assertError(t, await request('/thrown'), 404, 'There is none')
    // A payload that does not match its schema cannot be serialized.
    assertError(t, await request('/2'), 500, /^Internal Server Error$/)
  })
})

t.test('fastify-type-provider-zod: rejects a zod schema for an error', async t => {
  for (const schema of [z.object({ message: z.string() }), z.null()]) {
    let refusal: unknown
    const described = (app: FastifyInstance) => {
      try {
        app.get('/', { schema: { response: { 404: schema } } }, async () => 'ok')
      } catch (error) {
        refusal = error
      }
    }
    testWithPlugin(t, { plugin, routes: described }, async t => {
      t.match(refusal, { message: /Route GET \/: schema.response declares a body for 404/ })
    })
  }
})

t.test('fastify-type-provider-zod: sends errors whose schemas are ignored', async t => {
  const described = (app: FastifyInstance) => {
    for (const [url, schema] of [['/object', z.object({ id: z.int() })], ['/null', z.null()]] as const) {
      app.get(url, { schema: { response: { 404: schema } } }, async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
    }
  }
  testWithPlugin(t, { plugin, routes: described, reasonPhrase: { errorSchemas: 'ignore' } }, async (t, { request }) => {
    for (const url of ['/object', '/null']) assertError(t, await request(url), 404, 'There is none')
  })
})
