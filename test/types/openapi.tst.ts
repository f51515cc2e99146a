import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import Fastify from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import { serverOptions } from 'fastify-reason-phrase'
import { openapi, type OpenApiOptions } from 'fastify-reason-phrase/openapi'
import * as topic from '../../schemas/topic.js'

describe('openapi()', () => {
  test('gives @fastify/swagger its options', () => {
    const app = Fastify(serverOptions())
    expect(openapi(app)).type.toBe<FastifyDynamicSwaggerOptions>()
    expect(app.register).type.toBeCallableWith(swagger, openapi(app))
    expect(app.register).type.toBeCallableWith(swagger, openapi(app, { document: { info: { title: 'Topics', version: '2' } }, schemas: { ...topic } }))
  })

  test('takes an instance with a type provider, over TLS, and a child', () => {
    const typed = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
    expect(typed.register).type.toBeCallableWith(swagger, openapi(typed))
    const https = Fastify(serverOptions({ https: {} }))
    expect(https.register).type.toBeCallableWith(swagger, openapi(https))
    const http2 = Fastify(serverOptions({ http2: true }))
    expect(http2.register).type.toBeCallableWith(swagger, openapi(http2))
    const http2Secure = Fastify(serverOptions({ http2: true, https: {} }))
    expect(http2Secure.register).type.toBeCallableWith(swagger, openapi(http2Secure))
    typed.register(async child => {
      expect(child.register).type.toBeCallableWith(swagger, openapi(child))
    })
  })

  test('does not compile with other arguments', () => {
    const app = Fastify(serverOptions())
    expect(openapi()).type.toRaiseError('Expected 1-2 arguments, but got 0')
    expect(openapi(app, { title: 'Topics' })).type.toRaiseError("'title' does not exist in type 'OpenApiOptions'")
    expect(openapi(app, { schemas: { Topic: 'Topic' } })).type.toRaiseError("Type 'string' is not assignable to type 'object'")
    expect<OpenApiOptions>().type.toBe<{ document?: Record<string, any> | undefined, schemas?: Record<string, object> | undefined }>()
  })
})
