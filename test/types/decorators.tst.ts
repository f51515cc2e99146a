import Fastify, { type FastifyReply } from 'fastify'
import type { Static, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import { serverOptions, type ErrorStatusCode, type ReplyErrorOptions } from 'fastify-reason-phrase'
import { Topic } from '../../schemas/topic.js'

type TopicPayload = Static<typeof Topic>

const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
const schema = { response: { 200: Topic } }
declare const topic: TopicPayload
declare const found: TopicPayload | undefined

describe('A route that declares a schema for 200 only', () => {
  test('cannot send a body with another status code', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.code(422).send({ message: 'No' })).type.toRaiseError(
        "'422' is not assignable to parameter of type '200'",
        "'message' does not exist in type"
      )
      expect(reply.code(422).send(topic)).type.toRaiseError("'422' is not assignable to parameter of type '200'")
      expect(reply.status(404)).type.toRaiseError("'404' is not assignable to parameter of type '200'")
      expect(reply.code).type.not.toBeCallableWith(201)
      expect(reply.status).type.not.toBeCallableWith(500)
      expect(reply.code).type.toBeCallableWith(200)
      expect(reply.status).type.toBeCallableWith(200)
      expect(reply.created).type.not.toBeCallableWith(topic)
      expect(reply.accepted).type.not.toBeCallableWith(topic)
      expect(reply.created(topic)).type.toRaiseError("not assignable to parameter of type 'MissingSchema<\"Add a schema for 201 to schema.response of this route\">'")
      expect(reply.accepted(topic)).type.toRaiseError("not assignable to parameter of type 'MissingSchema<\"Add a schema for 202 to schema.response of this route\">'")
      expect(reply.created({ id: 1 })).type.toRaiseError("'id' does not exist in type 'MissingSchema<\"Add a schema for 201 to schema.response of this route\">'")
      for (const payload of ['a', 1, true, null, undefined, {}, []] as const) expect(reply.created).type.not.toBeCallableWith(payload)
      return topic
    })
  })

  test('can send each error with a message or without', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.badRequest).type.toBeCallableWith('Malformed')
      expect(reply.unauthorized).type.toBeCallableWith('No signature')
      expect(reply.forbidden).type.toBeCallableWith('Not yours')
      expect(reply.notFound).type.toBeCallableWith('No such topic')
      expect(reply.unprocessable).type.toBeCallableWith('The name is taken')
      expect(reply.internalServerError).type.toBeCallableWith('Unknown')
      expect(reply.notImplemented).type.toBeCallableWith('Not yet')
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later')

      expect(reply.badRequest).type.toBeCallableWith()
      expect(reply.unauthorized).type.toBeCallableWith()
      expect(reply.forbidden).type.toBeCallableWith()
      expect(reply.notFound).type.toBeCallableWith()
      expect(reply.unprocessable).type.toBeCallableWith()
      expect(reply.internalServerError).type.toBeCallableWith()
      expect(reply.notImplemented).type.toBeCallableWith()
      expect(reply.serviceUnavailable).type.toBeCallableWith()

      expect(reply.badRequest).type.not.toBeCallableWith({ message: 'Malformed' })
      expect(reply.unauthorized).type.not.toBeCallableWith(new Error('No signature'))
      expect(reply.forbidden).type.not.toBeCallableWith(403)
      expect(reply.notFound).type.not.toBeCallableWith(null)
      expect(reply.unprocessable).type.not.toBeCallableWith('The name is taken', { name: 'a' })
      expect(reply.internalServerError).type.not.toBeCallableWith(500, 'Unknown')
      expect(reply.notImplemented).type.not.toBeCallableWith(['Not yet'])
      expect(reply.serviceUnavailable).type.not.toBeCallableWith({ retryAfter: 1 })
      return topic
    })
  })

  test('can return each error from a sync handler', () => {
    app.get('/', { schema }, (_request, reply) => found ?? reply.badRequest('Malformed'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.unauthorized('No signature'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.forbidden('Not yours'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.unprocessable('The name is taken'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.internalServerError('Unknown'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.notImplemented('Not yet'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.serviceUnavailable('Later', { retryAfter: 1 }))
    app.get('/', { schema }, (_request, reply): TopicPayload | Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    app.route({ method: 'GET', url: '/', schema, handler: (_request, reply) => found ?? reply.notFound('No such topic') })
  })

  test('can return each error from an async handler', () => {
    app.get('/', { schema }, async (_request, reply) => found ?? reply.badRequest('Malformed'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.unauthorized('No signature'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.forbidden('Not yours'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.unprocessable('The name is taken'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.internalServerError('Unknown'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.notImplemented('Not yet'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.serviceUnavailable('Later', { retryAfter: 1 }))
    app.route({ method: 'GET', url: '/', schema, handler: async (_request, reply) => found ?? reply.notFound('No such topic') })
  })

  test('can return each error from a handler whose return type is the 200 payload', () => {
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.badRequest('Malformed'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.unauthorized('No signature'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.forbidden('Not yours'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.unprocessable('The name is taken'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.internalServerError('Unknown'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notImplemented('Not yet'))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.serviceUnavailable('Later', { retryAfter: 1 }))

    async function handler (_request: unknown, reply: FastifyReply) { return found ?? reply.notFound('No such topic') }
    expect(handler).type.toBe<(_request: unknown, reply: FastifyReply) => Promise<TopicPayload>>()
  })
})

describe('A reply decorator', () => {
  test('returns the reply', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.badRequest()).type.toBeAssignableTo(reply)
      expect(reply.unauthorized()).type.toBeAssignableTo(reply)
      expect(reply.forbidden()).type.toBeAssignableTo(reply)
      expect(reply.notFound()).type.toBeAssignableTo(reply)
      expect(reply.unprocessable()).type.toBeAssignableTo(reply)
      expect(reply.internalServerError()).type.toBeAssignableTo(reply)
      expect(reply.notImplemented()).type.toBeAssignableTo(reply)
      expect(reply.serviceUnavailable()).type.toBeAssignableTo(reply)
      expect(reply.notFound()).type.toBeAssignableTo<FastifyReply>()
      return topic
    })
  })

  test('returns neither a payload, nor a promise with more than then()', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.notFound()).type.not.toBeAssignableTo<TopicPayload>()
      expect(reply.send(reply.notFound())).type.toRaiseError('is not assignable to parameter of type')
      expect(reply.notFound().catch(() => {})).type.toRaiseError("Type 'never' has no call signatures")
      expect(reply.notFound().finally(() => {})).type.toRaiseError("Type 'never' has no call signatures")
      return topic
    })
  })

  test('can be used in hooks, error handlers and not-found handlers', () => {
    app.addHook('onRequest', async (_request, reply) => { if (found === undefined) return reply.unauthorized('No signature') })
    app.addHook('preHandler', (_request, reply, done) => {
      if (found === undefined) return reply.forbidden('Not yours')
      done()
    })
    app.get('/', { schema, preHandler: async (_request, reply) => reply.forbidden('Not yours') }, async () => topic)
    app.get('/', { schema, preHandler: (_request, reply) => reply.forbidden('Not yours') }, async () => topic)
    app.setErrorHandler((_error, _request, reply) => reply.unprocessable('The name is taken'))
    app.setErrorHandler(async (_error, _request, reply) => reply.unprocessable('The name is taken'))
    app.setNotFoundHandler((_request, reply) => reply.notFound('No such page'))
    app.setNotFoundHandler(async (_request, reply) => reply.notFound('No such page'))
  })

  test('accepts retryAfter as seconds or a Date', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later', { retryAfter: 120 })
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later', { retryAfter: new Date() })
      expect(reply.serviceUnavailable).type.toBeCallableWith(undefined, { retryAfter: undefined })
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later', {})
      expect(reply.serviceUnavailable('Later', { retryAfter: '120' })).type.toRaiseError("Type 'string' is not assignable to type 'number | Date | undefined'")
      expect(reply.serviceUnavailable('Later', { retryafter: 120 })).type.toRaiseError("'retryafter' does not exist in type 'ReplyErrorOptions'")
      expect(reply.serviceUnavailable('Later', 120)).type.toRaiseError("'120' has no properties in common with type 'ReplyErrorOptions'")
      expect<ReplyErrorOptions['retryAfter']>().type.toBe<number | Date | undefined>()
      return topic
    })
  })
})

describe('The options of an error', () => {
  test('are the same for each decorator', () => {
    app.get('/', { schema }, async (_request, reply) => {
      const options: ReplyErrorOptions = { cause: new Error('a secret'), headers: { allow: 'GET', 'x-count': 3, 'set-cookie': ['a=1'] as const, 'x-none': undefined }, retryAfter: 5 }
      expect(reply.badRequest).type.toBeCallableWith('Malformed', options)
      expect(reply.unauthorized).type.toBeCallableWith('No signature', options)
      expect(reply.forbidden).type.toBeCallableWith('Not yours', options)
      expect(reply.notFound).type.toBeCallableWith(undefined, options)
      expect(reply.unprocessable).type.toBeCallableWith('The name is taken', options)
      expect(reply.internalServerError).type.toBeCallableWith('Unknown', options)
      expect(reply.notImplemented).type.toBeCallableWith('Not yet', options)
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later', options)
      expect(reply.error).type.toBeCallableWith(409, 'The name is taken', options)
      return topic
    })
  })

  test('accept any value as cause, and an error only as cause', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.notFound).type.toBeCallableWith('No such topic', { cause: 'a text' })
      expect(reply.notFound).type.toBeCallableWith('No such topic', { cause: undefined as unknown })
      expect(reply.notFound).type.not.toBeCallableWith('No such topic', new Error('a secret'))
      expect(reply.notFound).type.not.toBeCallableWith('No such topic', { casue: new Error('a secret') })
      expect(reply.notFound).type.not.toBeCallableWith('No such topic', { headers: { allow: null } })
      return topic
    })
  })
})

describe('reply.error()', () => {
  test('takes a status code from 400 to 599', () => {
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.error).type.toBeCallableWith(409)
      expect(reply.error).type.toBeCallableWith(400, 'Malformed')
      expect(reply.error).type.toBeCallableWith(599, undefined)
      expect(reply.error).type.not.toBeCallableWith(399)
      expect(reply.error).type.not.toBeCallableWith(600)
      expect(reply.error).type.not.toBeCallableWith(404 as number)
      expect(reply.error).type.not.toBeCallableWith('409')
      expect(reply.error).type.not.toBeCallableWith()
      expect(reply.error(200)).type.toRaiseError("Argument of type '200' is not assignable to parameter of type 'ErrorStatusCode'")
      expect<409>().type.toBeAssignableTo<ErrorStatusCode>()
      expect<number>().type.not.toBeAssignableTo<ErrorStatusCode>()
      return topic
    })
  })

  test('can be returned from the handler of a route with schemas, in each way', () => {
    app.get('/', { schema }, (_request, reply) => found ?? reply.error(409, 'The name is taken'))
    app.get('/', { schema }, async (_request, reply) => found ?? reply.error(409, 'The name is taken', { cause: new Error('a secret') }))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.error(429, 'Slowly', { retryAfter: 5 }))
    app.route({ method: 'POST', url: '/', schema, handler: async (_request, reply) => found ?? reply.error(409) })
    app.setErrorHandler((error, _request, reply) => reply.error(409, 'The name is taken', { cause: error }))
    app.get('/', { schema, preHandler: async (_request, reply) => reply.error(429) }, async () => topic)
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.error(409)).type.toBeAssignableTo(reply)
      expect(reply.error(409)).type.not.toBeAssignableTo<TopicPayload>()
      expect(reply.code).type.not.toBeCallableWith(409)
      return topic
    })
  })
})
