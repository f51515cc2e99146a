import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import Fastify from 'fastify'
import { Type, type FastifyPluginAsyncTypebox, type FastifyPluginCallbackTypebox, type Static, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { Topic } from '../../schemas/topic.js'

type TopicPayload = Static<typeof Topic>

const Job = Type.Object({ jobId: Type.Integer() })
const schema = { params: Type.Object({ topicId: Type.String() }), response: { 200: Topic, 201: Topic, 202: Job } }
declare const found: TopicPayload | undefined
const job = { jobId: 1 }

describe('Each server has the decorators, and routes typed by their schemas', () => {
  test('http', async () => {
    const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { requireSchemas: true })

    app.get('/:topicId', { schema }, async (request, reply) => {
      expect(app.server).type.toBe<Server>()
      expect(request.raw).type.toBe<IncomingMessage>()
      expect(reply.raw).type.toBe<ServerResponse<IncomingMessage>>()
      expect(request.params).type.toBe<{ topicId: string }>()
      expect(reply.code).type.not.toBeCallableWith(422)
      expect(reply.status).type.not.toBeCallableWith(404)
      expect(reply.code(200).send).type.not.toBeCallableWith(job)
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      return found ?? reply.unprocessable('The name is taken')
    })
    app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/:topicId', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
  })

  test('https', async () => {
    const app = Fastify(serverOptions({ https: {} })).withTypeProvider<TypeBoxTypeProvider>()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { requireSchemas: true })

    app.get('/:topicId', { schema }, async (request, reply) => {
      expect(app.server).type.toBe<HttpsServer>()
      expect(request.raw).type.toBe<IncomingMessage>()
      expect(reply.raw).type.toBe<ServerResponse<IncomingMessage>>()
      expect(request.params).type.toBe<{ topicId: string }>()
      expect(reply.code).type.not.toBeCallableWith(422)
      expect(reply.status).type.not.toBeCallableWith(404)
      expect(reply.code(200).send).type.not.toBeCallableWith(job)
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      return found ?? reply.unprocessable('The name is taken')
    })
    app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/:topicId', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
  })

  test('http2', async () => {
    const app = Fastify(serverOptions({ http2: true })).withTypeProvider<TypeBoxTypeProvider>()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { requireSchemas: true })

    app.get('/:topicId', { schema }, async (request, reply) => {
      expect(app.server).type.toBe<Http2Server>()
      expect(request.raw).type.toBe<Http2ServerRequest>()
      expect(reply.raw).type.toBe<Http2ServerResponse>()
      expect(request.params).type.toBe<{ topicId: string }>()
      expect(reply.code).type.not.toBeCallableWith(422)
      expect(reply.status).type.not.toBeCallableWith(404)
      expect(reply.code(200).send).type.not.toBeCallableWith(job)
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      return found ?? reply.unprocessable('The name is taken')
    })
    app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/:topicId', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
  })

  test('http2 with TLS', async () => {
    const app = Fastify(serverOptions({ http2: true, https: { allowHTTP1: true } })).withTypeProvider<TypeBoxTypeProvider>()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { requireSchemas: true })

    app.get('/:topicId', { schema }, async (request, reply) => {
      expect(app.server).type.toBe<Http2SecureServer>()
      expect(request.raw).type.toBe<Http2ServerRequest>()
      expect(reply.raw).type.toBe<Http2ServerResponse>()
      expect(request.params).type.toBe<{ topicId: string }>()
      expect(reply.code).type.not.toBeCallableWith(422)
      expect(reply.status).type.not.toBeCallableWith(404)
      expect(reply.code(200).send).type.not.toBeCallableWith(job)
      expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      return found ?? reply.unprocessable('The name is taken')
    })
    app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
    app.get('/:topicId', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
  })
})

describe('Each context of a server has the decorators, and routes typed by their schemas', () => {
  // In Fastify, each context names its own type provider, and the type of a plugin is for an http server by default.
  test('an encapsulated child with the type provider, and its child', () => {
    const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    app.register(async instance => {
      const child = instance.withTypeProvider<TypeBoxTypeProvider>()
      child.get('/:topicId', { schema }, async (request, reply) => {
        expect(request.params).type.toBe<{ topicId: string }>()
        expect(reply.code).type.not.toBeCallableWith(422)
        expect(reply.code(202).send).type.not.toBeCallableWith(found)
        expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
        return found ?? reply.unprocessable('The name is taken')
      })
      child.register((instance, _options, done) => {
        const grandchild = instance.withTypeProvider<TypeBoxTypeProvider>()
        grandchild.get('/:topicId', { schema }, (request, reply) => {
          expect(request.params).type.toBe<{ topicId: string }>()
          expect(reply.status).type.not.toBeCallableWith(404)
          expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
          return found ?? reply.notFound('No such topic')
        })
        expect(grandchild.get('/:topicId', { schema }, () => 'a')).type.toRaiseError("Type 'string' is not assignable to type 'void | {")
        done()
      })
      expect(child.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
    }, { prefix: '/v2' })
  })

  test('an encapsulated child without the type provider, but with payloads of type unknown', () => {
    const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    app.register(async child => {
      child.get('/:topicId', { schema }, async (_request, reply) => {
        expect(reply.code(422)).type.toRaiseError("Argument of type '422' is not assignable")
        expect(reply.status(404)).type.toRaiseError("Argument of type '404' is not assignable")
        expect<Parameters<typeof reply.created>[0]>().type.toBe<unknown>()
        return found ?? reply.unprocessable('The name is taken')
      })
      child.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
      child.get('/:topicId', { schema }, async (_request, reply): Promise<TopicPayload> => found ?? reply.notFound('No such topic'))
    })
  })

  test('a FastifyPluginAsyncTypebox', () => {
    const plugin: FastifyPluginAsyncTypebox<{ name: string }> = async (app, options) => {
      expect(options).type.toBe<{ name: string }>()
      app.get('/:topicId', { schema }, async (request, reply) => {
        expect(request.params).type.toBe<{ topicId: string }>()
        expect(reply.code).type.not.toBeCallableWith(422)
        expect(reply.status).type.not.toBeCallableWith(404)
        expect(reply.code(200).send).type.not.toBeCallableWith(job)
        expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
        expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
        return found ?? reply.unprocessable('The name is taken')
      })
      app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
      expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
    }
    expect(Fastify(serverOptions()).register).type.toBeCallableWith(plugin, { name: 'a' })
  })

  test('a FastifyPluginCallbackTypebox', () => {
    const plugin: FastifyPluginCallbackTypebox = (app, _options, done) => {
      app.get('/:topicId', { schema }, (_request, reply) => {
        expect(reply.code).type.not.toBeCallableWith(422)
        expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
        return found ?? reply.unprocessable('The name is taken')
      })
      expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
      done()
    }
    expect(Fastify(serverOptions()).register).type.toBeCallableWith(plugin)
  })

  test('a FastifyPluginAsyncTypebox of an http2 server', () => {
    const plugin: FastifyPluginAsyncTypebox<Record<never, never>, Http2Server> = async app => {
      app.get('/:topicId', { schema }, async (_request, reply) => {
        expect(reply.raw).type.toBe<Http2ServerResponse>()
        expect(reply.code).type.not.toBeCallableWith(422)
        expect(reply.status).type.not.toBeCallableWith(404)
        expect<Parameters<typeof reply.created>[0]>().type.toBe<TopicPayload>()
        return found ?? reply.unprocessable('The name is taken')
      })
      app.get('/:topicId', { schema }, (_request, reply) => found ?? reply.notFound('No such topic'))
      expect(app.get('/:topicId', { schema }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
    }
    expect(Fastify(serverOptions({ http2: true })).register).type.toBeCallableWith(plugin)
  })
})
