import type { IncomingHttpHeaders } from 'node:http'
import type { TestContext } from 'node:test'
import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import { assertContract, conformance, type ConformanceOptions, type Service, type Suite } from 'fastify-reason-phrase/conformance'

declare const suite: Suite
/** The response of undici's `request`. */
declare const response: {
  statusCode: number
  statusText: string | undefined
  headers: IncomingHttpHeaders
  trailers: Record<string, string>
  body: { arrayBuffer: () => Promise<ArrayBuffer> }
}

describe('import of only fastify-reason-phrase/conformance', () => {
  test('accepts responses of inject, fetch and undici', async () => {
    expect(assertContract).type.toBeCallableWith(await Fastify().inject('/'))
    expect(assertContract).type.toBeCallableWith(await Fastify({ http2: true }).inject('/'))
    expect(assertContract).type.toBeCallableWith(await fetch('http://a'), { method: 'HEAD' })
    expect(assertContract).type.toBeCallableWith(response)
    expect(assertContract).type.toBeCallableWith(Buffer.from(''))
    expect(assertContract).type.toBeCallableWith('')
  })

  test('accepts each kind of Fastify instance', () => {
    expect(conformance).type.toBeCallableWith(suite, Fastify())
    expect(conformance).type.toBeCallableWith(suite, Fastify({ https: {} }))
    expect(conformance).type.toBeCallableWith(suite, Fastify({ http2: true }))
    expect(conformance).type.toBeCallableWith(suite, Fastify({ http2: true, https: { allowHTTP1: true } }))
    expect(Fastify()).type.toBeAssignableTo<Service>()
  })

  test('accepts the context of a test of any runner', () => {
    expect(conformance).type.toBeCallableWith({} as TestContext, Fastify())
    expect(conformance).type.toBeCallableWith({}, Fastify())
    expect(conformance).type.not.toBeCallableWith('a text', Fastify())
  })

  test('has the types of its options', () => {
    const options: ConformanceOptions = { only: ['text-root'], requests: [{ url: '/' }], headers: ({ method }) => ({ method }) }
    expect(conformance).type.toBeCallableWith(suite, Fastify(), options)
  })
})
