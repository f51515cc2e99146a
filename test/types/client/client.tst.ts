import { describe, expect, test } from 'tstyche'
import {
  createClient, outcomeOf, signer, type Client, type ClientOptions, type Key, type RequestOptions, type Result
} from 'fastify-reason-phrase/client'

describe('import of only fastify-reason-phrase/client', () => {
  test('has the types of its options', () => {
    const key: Key = { id: 'a', secret: new Uint8Array(1) }
    const options: ClientOptions = { baseUrl: 'http://a', key, fetch, timeout: 1 }
    const request: RequestOptions = { body: new Uint8Array(1), query: { a: [1, undefined] }, headers: [['a', 'b']] }
    const client: Client = createClient(options)
    expect(client('POST', '/', request)).type.toBe<Promise<Result<unknown>>>()
    expect(signer(key)(new Request('http://a'))).type.toBe<Promise<Request>>()
    expect(outcomeOf(new Response()).outcome).type.toBe<'success' | 'rejected' | 'unknown'>()
  })
})
