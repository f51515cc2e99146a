import { describe, expect, test } from 'tstyche'
import {
  createClient, outcomeOf, signer, type Client, type Outcome, type RequestOptions, type ResponseOutcome, type Result, type Signer
} from 'fastify-reason-phrase/client'

interface Topic { topicId: string }

declare const client: Client
declare const result: Result<Topic>
declare const ofFile: { id: string, secret: string, permissions: string[] }
const key = { id: 'dev', secret: 'hush' }

describe('Result', () => {
  test('has a body only after its outcome is narrowed to success', () => {
    expect(result.body).type.toRaiseError("Property 'body' does not exist on type 'Rejected'")
    expect(result.reason).type.toRaiseError("Property 'reason' does not exist on type 'Success<Topic>'")
    if (result.outcome === 'success') {
      expect(result.body).type.toBe<Topic>()
      expect(result.status).type.toBe<number>()
      expect(result.headers).type.toBe<Headers>()
      expect(result.cause).type.toRaiseError("Property 'cause' does not exist on type 'Success<Topic>'")
    } else {
      expect(result.reason).type.toBe<string>()
      expect(result.retryAfter).type.toBe<number | undefined>()
      expect(result.headers).type.toBe<Headers | undefined>()
      expect(result.cause).type.toBe<unknown>()
      expect(result.body).type.toRaiseError("Property 'body' does not exist on type 'Rejected'")
    }
  })

  test('is rejected or unknown if it is not a success; the status is optional', () => {
    switch (result.outcome) {
      case 'success':
        break
      case 'rejected':
      case 'unknown':
        expect(result.status).type.toBe<number | undefined>()
        break
      default:
        expect(result).type.toBe<never>()
    }
    expect<typeof result.outcome>().type.toBe<'success' | 'rejected' | 'unknown'>()
    expect<typeof result.outcome>().type.toBe<Outcome>()
  })
})

describe('Client', () => {
  test('accepts the type of the response body', () => {
    expect(client<Topic>('GET', '/v2/topic/EBT-0')).type.toBe<Promise<Result<Topic>>>()
    expect(client('GET', '/v2/topic/EBT-0')).type.toBe<Promise<Result<unknown>>>()
    expect(client('GET', '/').then(result => result.outcome === 'success' && result.body.topicId)).type.toRaiseError("'result.body' is of type 'unknown'")
  })

  test('accepts bodies of fetch and JSON values', () => {
    expect(client).type.toBeCallableWith('POST', '/', { body: '' })
    expect(client).type.toBeCallableWith('POST', '/', { body: new Blob([]) })
    expect(client).type.toBeCallableWith('POST', '/', { body: new ArrayBuffer(0) })
    expect(client).type.toBeCallableWith('POST', '/', { body: new Uint8Array() })
    expect(client).type.toBeCallableWith('POST', '/', { body: new URLSearchParams() })
    expect(client).type.toBeCallableWith('POST', '/', { body: new FormData() })
    expect(client).type.toBeCallableWith('POST', '/', { body: new ReadableStream() })
    expect(client).type.toBeCallableWith('POST', '/', { body: {} })
    expect(client).type.toBeCallableWith('POST', '/', { body: [1] })
    expect(client).type.toBeCallableWith('POST', '/', { body: 1 })
    expect(client).type.toBeCallableWith('POST', '/', { body: true })
    expect(client).type.toBeCallableWith('POST', '/', { body: null })
    expect(client).type.toBeCallableWith('POST', '/', { body: undefined })
    expect(client).type.toBeCallableWith('POST', '/', { body: {} as Topic })
    expect(client('POST', '/', { body: 1n })).type.toRaiseError("Type 'bigint' is not assignable")
    expect(client('POST', '/', { body: Symbol('a') })).type.toRaiseError("Type 'symbol' is not assignable")
  })

  test('accepts a query, headers and a signal', () => {
    expect(client).type.toBeCallableWith('GET', '/', { query: { a: 'b', c: 1, d: true, e: undefined, f: ['g', 1, undefined] as const } })
    expect(client).type.toBeCallableWith('GET', '/', { headers: { a: 'b' }, signal: AbortSignal.abort() })
    expect(client).type.toBeCallableWith('GET', '/', { headers: new Headers() })
    expect(client).type.toBeCallableWith('GET', '/', { query: undefined, headers: undefined, signal: undefined })
    expect(client('GET', '/', { query: { a: null } })).type.toRaiseError("Type 'null' is not assignable")
    expect(client('GET', '/', { query: { a: {} } })).type.toRaiseError('is not assignable to type')
    expect(client('GET', '/', { redirect: 'follow' })).type.toRaiseError("'redirect' does not exist in type 'RequestOptions'")
    expect<RequestOptions>().type.toBeAssignableFrom<{}>()
  })

  test('is created from its options', () => {
    expect(createClient({ baseUrl: '' })).type.toBe<Client>()
    expect(createClient).type.toBeCallableWith({ baseUrl: new URL('http://a'), key, header: 'X-Reason', fetch, timeout: 1, maxResponseSize: 1 })
    expect(createClient).type.toBeCallableWith({ baseUrl: '', fetch: async (request: Request) => fetch(request) })
    expect(createClient).type.toBeCallableWith({ baseUrl: '', key: undefined, header: undefined, fetch: undefined, timeout: undefined })
    expect(createClient({})).type.toRaiseError("Property 'baseUrl' is missing")
    expect(createClient({ baseUrl: '', key: 'dev:hush' })).type.toRaiseError("Type 'string' is not assignable to type 'Key'")
    expect(createClient({ baseUrl: '', timeout: '1' })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
  })
})

describe('outcomeOf()', () => {
  test('accepts a Response, and any object with its properties', () => {
    expect(outcomeOf(new Response())).type.toBe<ResponseOutcome>()
    expect(outcomeOf).type.toBeCallableWith({ status: 200, statusText: '', headers: new Map<string, never>() as unknown as Headers })
    expect(outcomeOf).type.toBeCallableWith(new Response(), { header: 'X-Reason' })
    expect(outcomeOf(200)).type.toRaiseError("is not assignable to parameter of type 'ResponseHead'")
  })
})

describe('signer()', () => {
  test('returns a function that signs requests', () => {
    expect(signer(key)).type.toBe<Signer>()
    expect(signer(key)(new Request('http://a'))).type.toBe<Promise<Request>>()
    expect(signer).type.toBeCallableWith({ id: 'dev', secret: new Uint8Array() }, { components: ['@authority'] })
    expect(signer).type.toBeCallableWith(ofFile)
    expect(signer({ id: 'dev' })).type.toRaiseError("Property 'secret' is missing")
    expect(signer(key)('http://a')).type.toRaiseError("is not assignable to parameter of type 'Request'")
  })
})
