import Fastify from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import { serverOptions } from 'fastify-reason-phrase'
import maintenance, { type MaintenanceState } from 'fastify-reason-phrase/maintenance'
import { Topic } from '../../schemas/topic.js'

/** A transaction of some database. */
class Transaction {
  run (_state: MaintenanceState): void {}
}

const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()

describe('maintenance', () => {
  test('is registered with its options', () => {
    app.register(maintenance)
    app.register(maintenance, { exempt: request => request.url === '/', pollInterval: 1000, timeout: 500 })
    app.register(maintenance, { store: { load: async () => ({ enabled: false }), save: async () => {} } })
    app.register(maintenance, { store: { load: async () => ({ enabled: false }), save: async (state, transaction?: Transaction) => transaction?.run(state) } })
  })

  test('is begun and ended', () => {
    expect(app.maintenance.enter).type.toBeCallableWith()
    expect(app.maintenance.enter).type.toBeCallableWith({ message: 'Moving', until: new Date() })
    expect(app.maintenance.enter).type.not.toBeCallableWith({ retryAfter: new Date() })
    expect(app.maintenance.leave()).type.toBe<Promise<MaintenanceState>>()
    expect(app.maintenance.enter).type.toBeCallableWith(undefined, new Transaction())
    expect(app.maintenance.leave).type.toBeCallableWith(new Transaction())
    expect(app.maintenance.reload()).type.toBe<Promise<void>>()
    expect(app.maintenance.state).type.toBe<MaintenanceState>()
  })

  test('exempts routes by their config', () => {
    app.get('/health', { config: { maintenance: 'exempt' } }, async () => 'ok')
    app.get('/topic', { config: { maintenance: undefined } }, async () => 'ok')
    expect(app.get).type.not.toBeCallableWith('/health', { config: { maintenance: true } }, async () => 'ok')
  })
})

describe('notImplemented', () => {
  test('is the handler of any route', () => {
    app.get('/bare', app.notImplemented)
    app.post('/topic', { schema: { body: Topic, response: { 201: Topic } } }, app.notImplemented)
    app.route({ method: 'PUT', url: '/topic', schema: { response: { 200: Topic } }, handler: app.notImplemented })
    app.register(async child => { child.get('', app.notImplemented) })
  })
})
