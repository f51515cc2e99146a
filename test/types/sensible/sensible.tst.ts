import sensible from '@fastify/sensible'
import Fastify, { type FastifyReply } from 'fastify'
import { Type, type Static, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { Topic } from '../../../schemas/topic.js'

type TopicPayload = Static<typeof Topic>

const schema = { response: { 200: Topic, 201: Topic, 202: Type.Object({ jobId: Type.Integer() }) } }
declare const found: TopicPayload | undefined

describe('With @fastify/sensible in the same service', () => {
  test('a reply has the decorators of both', async () => {
    const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    await app.register(sensible)
    await app.register(reasonPhrase)

    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.unprocessable).type.toBeCallableWith('The name is taken')
      expect(reply.serviceUnavailable).type.toBeCallableWith('Later', { retryAfter: 120 })
      expect(reply.serviceUnavailable).type.not.toBeCallableWith('Later', { retryAfter: '120' })
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      expect(reply.code).type.not.toBeCallableWith(422)

      expect(reply.unprocessableEntity('The name is taken')).type.toBe<FastifyReply>()
      expect(reply.imateapot('No coffee')).type.toBe<FastifyReply>()
      expect(reply.preventCache()).type.toBe(reply)
      expect(reply.notFound('No such topic')).type.toBeAssignableTo(reply)
      return found ?? reply.notFound('No such topic')
    })
  })

  test('a handler can return a decorator that both have', () => {
    const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    app.get('/', { schema }, (_request, reply) => found ?? reply.badRequest('Malformed'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.unauthorized('No signature'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.forbidden('Not yours'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.internalServerError('Unknown'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.notImplemented('Not yet'))
    app.get('/', { schema }, (_request, reply) => found ?? reply.serviceUnavailable('Later', { retryAfter: 120 }))
    app.get('/', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    expect(app.get('/', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
  })

  test('an http2 server has the decorators of both', () => {
    const app = Fastify(serverOptions({ http2: true })).withTypeProvider<TypeBoxTypeProvider>()
    app.get('/', { schema }, async (_request, reply) => {
      expect(reply.code).type.not.toBeCallableWith(422)
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      return found ?? reply.notFound('No such topic')
    })
  })
})
