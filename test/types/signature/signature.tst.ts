import Fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import signature, { memoryStore, type Key, type SignatureOptions, type VerifiedKey } from 'fastify-reason-phrase/signature'

const app = Fastify()
declare const request: FastifyRequest

describe('An import of fastify-reason-phrase/signature alone', () => {
  test('adds the key of requests and the config of routes', () => {
    expect(request.key).type.toBe<VerifiedKey | undefined>()
    expect(app.get).type.toBeCallableWith('/', { config: { permission: 'read' } }, () => 'a')
    expect(app.get).type.toBeCallableWith('/', { config: { signature: false } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { permission: 3 } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { signature: true } }, () => 'a')
  })

  test('has the types of its options', () => {
    const key: Key = { secret: ['a', new Uint8Array(1)], permissions: ['read'] }
    const options: SignatureOptions = { keys: () => key, replay: { store: memoryStore() } }
    expect(app.register).type.toBeCallableWith(signature, options)
  })
})
