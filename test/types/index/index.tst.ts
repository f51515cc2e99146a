import Fastify, { type FastifyReply } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type {} from 'fastify-reason-phrase'

const app = Fastify()
declare const reply: FastifyReply

describe('An import of fastify-reason-phrase alone', () => {
  test('adds the decorators', () => {
    expect(reply.notFound).type.toBeCallableWith('No such topic')
    expect(reply.serviceUnavailable).type.toBeCallableWith('Later', { retryAfter: 1 })
    expect(app.get).type.toBeCallableWith('/', app.notImplemented)
  })

  test('adds the types of the route config', () => {
    expect(app.get).type.toBeCallableWith('/', { config: { errors: { 404: 'No such topic' }, reasonPhrase: false, permission: 'read' } }, () => 'a')
    expect(app.get).type.toBeCallableWith('/', { config: { signature: false } }, () => 'a')
    expect(app.post).type.toBeCallableWith('/', { config: { idempotency: 'required' } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { errors: 404 } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { reasonPhrase: 1 } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { permission: 3 } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { signature: true } }, () => 'a')
    expect(app.post).type.not.toBeCallableWith('/', { config: { idempotency: true } }, () => 'a')
  })

  test('adds no types of the other plugins', () => {
    expect(app).type.not.toHaveProperty('maintenance')
  })
})
