import { describe, expect, test } from 'tstyche'
import {
  createBasicClient, createClient, outcomeOf, signer, type AttemptEvent, type BasicClient, type Client, type KeyedResult, type Outcome, type RequestOptions, type ResponseOutcome,
  type Result, type Signer
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
      expect(result.requestId).type.toBe<string | undefined>()
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

describe('a call with an idempotency key', () => {
  test('has the key in its result with each outcome', () => {
    expect(client<Topic>('POST', '/', { idempotencyKey: 'a' })).type.toBe<Promise<KeyedResult<Topic>>>()
    expect(client('POST', '/', { body: {}, idempotencyKey: true })).type.toBe<Promise<KeyedResult<unknown>>>()
    client<Topic>('POST', '/', { idempotencyKey: 'a' }).then(result => {
      expect(result.idempotencyKey).type.toBe<string>()
      expect(result.attempts).type.toBe<number>()
      expect(result.replayed).type.toBe<boolean>()
      expect(result.body).type.toRaiseError("Property 'body' does not exist")
      if (result.outcome === 'success') {
        expect(result.body).type.toBe<Topic>()
        expect(result.idempotencyKey).type.toBe<string>()
      }
      if (result.outcome === 'unknown') {
        expect(result.reason).type.toBe<string>()
        expect(result.idempotencyKey).type.toBe<string>()
      }
      expect(result).type.toBeAssignableTo<Result<Topic>>()
    })
  })

  test('may have no key if the type of the options allows this', () => {
    const options: RequestOptions = {}
    expect(client<Topic>('POST', '/', options)).type.toBe<Promise<Result<Topic>>>()
    expect(client<Topic>('POST', '/', { idempotencyKey: undefined })).type.toBe<Promise<Result<Topic>>>()
    expect(result.idempotencyKey).type.toBe<string | undefined>()
    expect(result.attempts).type.toBe<number | undefined>()
    expect(result.replayed).type.toBe<boolean | undefined>()
    expect(client('POST', '/', { idempotencyKey: false })).type.toRaiseError('No overload matches this call')
    expect(client('POST', '/', { idempotencyKey: 1 })).type.toRaiseError('No overload matches this call')
  })
})

describe('settle() and look()', () => {
  test('return the type of the body that the caller declares', () => {
    expect(client.settle<Topic>('a')).type.toBe<Promise<KeyedResult<Topic>>>()
    expect(client.look<Topic>('a')).type.toBe<Promise<KeyedResult<Topic>>>()
    expect(client.settle('a')).type.toBe<Promise<KeyedResult<unknown>>>()
    expect(client.settle).type.toBeCallableWith('a', { signal: AbortSignal.abort(), headers: { a: 'b' }, onAttempt: () => {} })
    expect(client.settle(true)).type.toRaiseError("not assignable to parameter of type 'string'")
    expect(client.settle('a', { body: {} })).type.toRaiseError("'body' does not exist")
    client<Topic>('POST', '/', { idempotencyKey: true }).then(async result => {
      const settled = result.outcome === 'unknown' ? await client.settle<Topic>(result.idempotencyKey) : result
      if (settled.outcome === 'success') expect(settled.body).type.toBe<Topic>()
    })
  })
})

describe('retry', () => {
  test('has options with defaults', () => {
    expect(createClient).type.toBeCallableWith({ baseUrl: '', retry: {} })
    expect(createClient).type.toBeCallableWith({ baseUrl: '', retry: { deadline: 1, attempts: 1, baseDelay: 1, maxDelay: 1 }, outcomes: '/a' })
    expect(createClient).type.toBeCallableWith({ baseUrl: '', retry: undefined, outcomes: undefined, onAttempt: undefined })
    expect(createClient({ baseUrl: '', retry: { times: 1 } })).type.toRaiseError("'times' does not exist in type 'RetryOptions'")
    expect(createClient({ baseUrl: '', retry: true })).type.toRaiseError("Type 'true' has no properties in common with type 'RetryOptions'")
  })

  test('calls onAttempt with the next attempt', () => {
    createClient({ baseUrl: '', onAttempt: event => { expect(event).type.toBe<AttemptEvent>() } })
    client('GET', '/', {
      onAttempt: async ({ attempt, delay, idempotencyKey, result }) => {
        expect(attempt).type.toBe<number>()
        expect(delay).type.toBe<number>()
        expect(idempotencyKey).type.toBe<string | undefined>()
        expect(result).type.toBe<Result | undefined>()
      }
    })
  })
})

describe('createBasicClient()', () => {
  test('returns a client without retries', () => {
    const basic = createBasicClient({ baseUrl: '', key, header: 'X-Reason', fetch, timeout: 1, maxResponseSize: 1 })
    expect(basic).type.toBe<BasicClient>()
    expect(client).type.toBeAssignableTo<BasicClient>()
    expect(basic<Topic>('GET', '/')).type.toBe<Promise<Result<Topic>>>()
    expect(basic<Topic>('POST', '/', { idempotencyKey: true })).type.toBe<Promise<KeyedResult<Topic>>>()
    expect(basic.settle).type.toRaiseError("Property 'settle' does not exist")
    expect(basic('GET', '/', { onAttempt: () => {} })).type.toRaiseError('No overload matches this call')
    expect(createBasicClient({ baseUrl: '', retry: {} })).type.toRaiseError("'retry' does not exist in type 'BasicClientOptions'")
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
