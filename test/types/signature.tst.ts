import '@fastify/redis'
import Fastify, { type FastifyRequest } from 'fastify'
import { expect, test } from 'tstyche'
import reasonPhrase from 'fastify-reason-phrase'
import signature, { memoryStore, redisStore, type Key, type ReplayStore, type VerifiedKey } from 'fastify-reason-phrase/signature'

declare const request: FastifyRequest
const app = Fastify()
const keys = (): Key => ({ secret: 'a', permissions: [] })

test('request.key is the verified key, or undefined', () => {
  expect(request.key).type.toBe<VerifiedKey | undefined>()
  expect<VerifiedKey>().type.toBe<{ id: string, permissions: readonly string[] }>()
})

test('the config of a route accepts permission and signature', () => {
  app.get('/', { config: { permission: 'topic:read' } }, async () => 'a')
  app.get('/', { config: { signature: false } }, async () => 'a')
  app.get('/', { config: { permission: undefined, signature: undefined } }, async () => 'a')
  // @ts-expect-error is not assignable to type
  app.get('/', { config: { permission: 5 } }, async () => 'a')
  // @ts-expect-error is not assignable to type
  app.get('/', { config: { signature: true } }, async () => 'a')
})

test('signature accepts its options, and no others', () => {
  app.register(reasonPhrase).register(signature, { keys })
  app.register(signature, { keys: async () => undefined, keysTimeout: 1, maxAge: 1, clockSkew: 1, required: ['date'], replay: { store: memoryStore(), timeout: 1 } })
  app.register(signature, { keys: id => ({ secret: [id, new Uint8Array(1)], permissions: ['a'] as const }), prefix: '/v2' })
  app.register(signature, { keys, keysTimeout: undefined, maxAge: undefined, clockSkew: undefined, required: undefined, replay: undefined })
  app.register(signature, { keys, replay: { store: memoryStore({ max: undefined }), timeout: undefined } })
  // @ts-expect-error Argument of type '{}' is not assignable
  app.register(signature, {})
  // @ts-expect-error 'a' does not exist in type '(keyId: string)
  app.register(signature, { keys: { a: 'b' } })
  // @ts-expect-error 'maxage' does not exist
  app.register(signature, { keys, maxage: 1 })
})

test('stores are replay stores', () => {
  expect(memoryStore({ max: 5 })).type.toBe<ReplayStore>()
  expect(redisStore({ set: async () => 'OK' }, { prefix: 'a' })).type.toBe<ReplayStore>()
  expect(redisStore({ set: async () => 'OK', get: async () => null, status: 'ready' })).type.toBe<ReplayStore>()
  expect(redisStore({ set: async () => 'OK', get: undefined, status: undefined }, { prefix: undefined })).type.toBe<ReplayStore>()
  expect(redisStore).type.toBeCallableWith(app.redis)
  // @ts-expect-error Property 'set' is missing
  redisStore({ get: async () => null })
  expect({ take: (nonce: string, lifetime: number) => nonce === 'a' && lifetime > 1 }).type.toBeAssignableTo<ReplayStore>()
  expect({ take: async (_nonce: string, _lifetime: number, _expires?: number) => true }).type.toBeAssignableTo<ReplayStore>()
})
