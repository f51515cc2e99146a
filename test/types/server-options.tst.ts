import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import Fastify, {
  type FastifyBaseLogger, type FastifyHttp2Options, type FastifyHttp2SecureOptions, type FastifyHttpOptions,
  type FastifyHttpsOptions, type FastifyInstance, type FastifyServerOptions
} from 'fastify'
import { describe, expect, test } from 'tstyche'
import { serverOptions, type ContractOptions } from 'fastify-reason-phrase'

interface Logger extends FastifyBaseLogger { audit (event: string): void }

declare const loggerInstance: Logger

describe('serverOptions() infers the server type from its options', () => {
  test('http', () => {
    expect(serverOptions()).type.toBe<FastifyHttpOptions<Server, FastifyBaseLogger>>()
    expect(serverOptions({ logger: true })).type.toBe<FastifyHttpOptions<Server, FastifyBaseLogger>>()
    expect(Fastify(serverOptions()).server).type.toBe<Server>()
    expect(Fastify(serverOptions({ http: { maxHeaderSize: 1024 } }))).type.toBe(Fastify({ http: { maxHeaderSize: 1024 } }))
    expect(Fastify(serverOptions({ http2: false }))).type.toBe(Fastify({ http2: false }))
  })

  test('https', () => {
    expect(serverOptions({ https: {} })).type.toBe<FastifyHttpsOptions<HttpsServer, FastifyBaseLogger>>()
    expect(Fastify(serverOptions({ https: {} })).server).type.toBe<HttpsServer>()
    expect(Fastify(serverOptions({ https: { key: 'a', cert: 'b' } }))).type.toBe(Fastify({ https: { key: 'a', cert: 'b' } }))
  })

  test('http2', () => {
    expect(serverOptions({ http2: true })).type.toBe<FastifyHttp2Options<Http2Server, FastifyBaseLogger>>()
    expect(Fastify(serverOptions({ http2: true })).server).type.toBe<Http2Server>()
    expect(Fastify(serverOptions({ http2: true, http2SessionTimeout: 1 }))).type.toBe(Fastify({ http2: true, http2SessionTimeout: 1 }))
  })

  test('http2 with TLS', () => {
    expect(serverOptions({ http2: true, https: {} })).type.toBe<FastifyHttp2SecureOptions<Http2SecureServer, FastifyBaseLogger>>()
    expect(Fastify(serverOptions({ http2: true, https: {} })).server).type.toBe<Http2SecureServer>()
    expect(Fastify(serverOptions({ http2: true, https: { allowHTTP1: true } }))).type.toBe(Fastify({ http2: true, https: { allowHTTP1: true } }))
  })

  test('options that were typed before', () => {
    const options: FastifyServerOptions = {}
    expect(Fastify(serverOptions(options))).type.toBe(Fastify(options))
    const http2: FastifyHttp2Options<Http2Server> = { http2: true }
    expect(Fastify(serverOptions(http2))).type.toBe(Fastify(http2))
  })
})

describe('serverOptions() infers the logger type from its options', () => {
  test('on each server', () => {
    expect(Fastify(serverOptions({ loggerInstance })).log).type.toBe<Logger>()
    expect(Fastify(serverOptions({ loggerInstance, https: {} })).log).type.toBe<Logger>()
    expect(Fastify(serverOptions({ loggerInstance, http2: true })).log).type.toBe<Logger>()
    expect(Fastify(serverOptions({ loggerInstance, http2: true, https: {} })).log).type.toBe<Logger>()
    expect(Fastify(serverOptions({ loggerInstance, http2: true }))).type.toBe(Fastify({ loggerInstance, http2: true }))
  })

  test('the default logger without a logger option', () => {
    expect(Fastify(serverOptions()).log).type.toBe<FastifyBaseLogger>()
    expect(Fastify(serverOptions({ logger: true })).log).type.toBe<FastifyBaseLogger>()
    expect(Fastify(serverOptions({ logger: true, https: {} })).log).type.toBe<FastifyBaseLogger>()
    expect(Fastify(serverOptions({ logger: true, http2: true, https: {} })).log).type.toBe<FastifyBaseLogger>()
    expect(Fastify(serverOptions({ logger: { level: 'warn' }, http2: true })).log).type.toBe<FastifyBaseLogger>()
  })
})

describe('An instance created with serverOptions()', () => {
  test('is a FastifyInstance', () => {
    expect(Fastify(serverOptions())).type.toBeAssignableTo<FastifyInstance>()
    expect(Fastify(serverOptions({ logger: true }))).type.toBeAssignableTo<FastifyInstance>()
    const app = Fastify(serverOptions({ logger: { level: 'warn' } }))
    const routes = (instance: FastifyInstance) => instance
    expect(routes).type.toBeCallableWith(app)
  })
})

describe("Fastify's options keep their types in serverOptions()", () => {
  test('with each server', () => {
    serverOptions({
      frameworkErrors (_error, request, reply) {
        expect(request.raw).type.toBe<IncomingMessage>()
        expect(reply.raw).type.toBe<ServerResponse<IncomingMessage>>()
        expect(reply.badRequest).type.toBeCallableWith('Malformed')
      }
    })
    serverOptions({
      http2: true,
      frameworkErrors (_error, request, reply) {
        expect(request.raw).type.toBe<Http2ServerRequest>()
        expect(reply.raw).type.toBe<Http2ServerResponse>()
        expect(reply.badRequest).type.toBeCallableWith('Malformed')
      }
    })
    expect(serverOptions).type.toBeCallableWith({ bodyLimit: 1, return503OnClosing: false, clientErrorHandler: () => {} })
    expect(serverOptions({ bodyLimit: '1' })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
    expect(serverOptions({ bodyLimits: 1 })).type.toRaiseError('No overload matches this call')
    expect(serverOptions({ http2: true, http: {} })).type.toRaiseError('No overload matches this call')
    expect(serverOptions('a')).type.toRaiseError('No overload matches this call')
  })
})

describe('The options of the contract', () => {
  test('are typed beside the options of each server', () => {
    const contract = { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' }, exposeServerErrors: true, challenge: 'Bearer' }
    expect(contract).type.toBeAssignableTo<ContractOptions>()
    expect(serverOptions).type.toBeCallableWith({}, contract)
    expect(serverOptions).type.toBeCallableWith({}, { header: undefined, challenge: undefined })
    expect(serverOptions).type.toBeCallableWith(undefined, contract)
    expect(serverOptions).type.toBeCallableWith({ https: {} }, contract)
    expect(serverOptions).type.toBeCallableWith({ http2: true }, contract)
    expect(serverOptions).type.toBeCallableWith({ http2: true, https: {} }, contract)
    expect<ContractOptions>().type.toBe<{
      header?: string | undefined
      statusCodes?: Record<number, string> | undefined
      exposeServerErrors?: boolean | undefined
      challenge?: string | undefined
      requestId?: boolean | string | undefined
    }>()
  })

  test('do not compile if they are unknown', () => {
    expect(serverOptions({}, { heading: 'X-Reason' })).type.toRaiseError("'heading' does not exist in type 'ContractOptions'")
    expect(serverOptions({}, { errorSchemas: 'ignore' })).type.toRaiseError("'errorSchemas' does not exist in type 'ContractOptions'")
    expect(serverOptions).type.not.toBeCallableWith({ https: {} }, { heading: 'X-Reason' })
    expect(serverOptions).type.not.toBeCallableWith({ http2: true }, { heading: 'X-Reason' })
    expect(serverOptions).type.not.toBeCallableWith({ http2: true, https: {} }, { heading: 'X-Reason' })
  })

  test('do not compile with the wrong type', () => {
    expect(serverOptions({}, { header: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(serverOptions({}, { statusCodes: { 429: 429 } })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(serverOptions({}, { statusCodes: { teapot: 'A' } })).type.toRaiseError("'teapot' does not exist in type 'Record<number, string>'")
    expect(serverOptions({}, { exposeServerErrors: 'yes' })).type.toRaiseError("Type 'string' is not assignable to type 'boolean")
    expect(serverOptions({}, { challenge: true })).type.toRaiseError("Type 'boolean' is not assignable to type 'string")
    expect(serverOptions({}, 'X-Reason')).type.toRaiseError("'\"X-Reason\"' has no properties in common with type 'ContractOptions'")
  })
})
