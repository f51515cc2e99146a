import Fastify, { type FastifyRequest } from 'fastify'
import type { Static, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import reasonPhrase, { ERROR_CHANNEL, serverOptions, type ContractOptions, type ErrorResponse, type ErrorSource, type ReasonPhraseOptions, type RouteSchemaOptions } from 'fastify-reason-phrase'
import { Topic } from '../../schemas/topic.js'

const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
declare const topic: Static<typeof Topic>

describe('The options of the plugin', () => {
  test('accept those of the contract and of the route schemas', () => {
    expect(app.register).type.toBeCallableWith(reasonPhrase)
    expect(app.register).type.toBeCallableWith(reasonPhrase, {})
    expect(app.register).type.toBeCallableWith(reasonPhrase, { errorSchemas: 'reject' })
    expect(app.register).type.toBeCallableWith(reasonPhrase, { errorSchemas: 'ignore', requireSchemas: true })
    expect(app.register).type.toBeCallableWith(reasonPhrase, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' }, exposeServerErrors: true, challenge: 'Bearer' })
    expect(app.register).type.toBeCallableWith(reasonPhrase, { requestId: true })
    expect(app.register).type.toBeCallableWith(reasonPhrase, { requestId: 'x-request-id' })
    expect(app.register).type.toBeCallableWith(reasonPhrase, { prefix: '/v2', logLevel: 'warn', requireSchemas: true })
    expect<RouteSchemaOptions>().type.toBe<{ errorSchemas?: 'reject' | 'ignore' | undefined, requireSchemas?: boolean | undefined }>()
    expect<ReasonPhraseOptions>().type.toBeAssignableTo<ContractOptions & RouteSchemaOptions>()
    expect<ReasonPhraseOptions>().type.toBeAssignableFrom<ContractOptions & RouteSchemaOptions>()
  })

  test('do not compile with the wrong type', () => {
    expect(app.register(reasonPhrase, { errorSchemas: 'warn' })).type.toRaiseError('Type \'"warn"\' is not assignable to type')
    expect(app.register(reasonPhrase, { errorSchemas: true })).type.toRaiseError("Type 'true' is not assignable to type")
    expect(app.register(reasonPhrase, { requireSchemas: 'yes' })).type.toRaiseError("Type 'string' is not assignable to type 'boolean | undefined'")
    expect(app.register(reasonPhrase, { header: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string")
    expect(app.register(reasonPhrase, { statusCodes: { 429: 429 } })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(app.register(reasonPhrase, { exposeServerErrors: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'boolean | undefined'")
    expect(app.register(reasonPhrase, { requestId: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string | boolean | undefined'")
    expect(app.register(reasonPhrase, { challenge: null })).type.toRaiseError("Type 'null' is not assignable to type 'string | undefined'")
  })
})

describe('The message on the channel of errors', () => {
  test('has the request of Fastify, if there is one', () => {
    expect<ErrorResponse['request']>().type.toBe<FastifyRequest | undefined>()
    expect<ErrorResponse['source']>().type.toBe<ErrorSource>()
    expect(ERROR_CHANNEL).type.toBe<'fastify-reason-phrase:error'>()
  })
})

describe('config.errors of a route', () => {
  test('accepts texts by status code', () => {
    app.get('/', {
      schema: { response: { 200: Topic } },
      config: { errors: { 404: 'No topic has this id', 422: 'The name is taken, or the media type is unknown' } }
    }, async (request, reply) => {
      expect(request.routeOptions.config.errors[404]).type.toBe<string>()
      expect(reply.routeOptions.config.errors).type.toBeAssignableTo<Record<number, string>>()
      return topic
    })
    app.addHook('onRequest', async request => {
      expect(request.routeOptions.config.errors).type.toBe<Record<number, string> | undefined>()
    })
    app.addHook('onRoute', route => {
      expect(route.config!.errors).type.toBe<Record<number, string> | undefined>()
    })
    app.route({ method: 'GET', url: '/', config: { errors: { 404: 'No topic has this id' } }, handler: () => {} })
    app.get('/', { config: { errors: {} } }, () => {})
    app.get('/', { config: {} }, () => {})
    app.get('/', { config: { errors: undefined, reasonPhrase: undefined } }, () => {})
  })

  test('does not compile with anything else', () => {
    expect(app.get('/', { config: { errors: { 404: 404 } } }, () => {})).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(app.get('/', { config: { errors: { 404: undefined } } }, () => {})).type.toRaiseError("Type 'undefined' is not assignable to type 'string'")
    expect(app.get('/', { config: { errors: { 404: Topic } } }, () => {})).type.toRaiseError("is not assignable to type 'string'")
    expect(app.get('/', { config: { errors: ['No topic has this id', 404] } }, () => {})).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(app.get('/', { config: { errors: 404 } }, () => {})).type.toRaiseError("Type 'number' is not assignable to type")
    expect(app.route({ method: 'GET', url: '/', config: { errors: { 404: 404 } }, handler: () => {} })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
  })
})
