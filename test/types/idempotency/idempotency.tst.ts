import Fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import idempotency, { memoryStore, type IdempotencyOptions, type IdempotencyStore } from 'fastify-reason-phrase/idempotency'

const app = Fastify()
declare const request: FastifyRequest

describe('An import of fastify-reason-phrase/idempotency alone', () => {
  test('adds the transaction of requests and the config of routes', () => {
    expect(request.transaction).type.toBe<unknown>()
    expect(app.post).type.toBeCallableWith('/', { config: { idempotency: 'optional' } }, () => 'a')
    expect(app.post).type.toBeCallableWith('/', { config: { idempotency: 'required' } }, () => 'a')
    expect(app.post).type.toBeCallableWith('/', { config: { idempotency: undefined } }, () => 'a')
    expect(app.post).type.not.toBeCallableWith('/', { config: { idempotency: true } }, () => 'a')
  })

  test('accepts the store of any transaction', () => {
    const options: IdempotencyOptions = { store: memoryStore() }
    expect(app.register).type.toBeCallableWith(idempotency, options)
    expect<IdempotencyStore<{ a: 1 }>>().type.toBeAssignableTo<IdempotencyOptions['store']>()
  })
})
