import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import maintenance, { type Maintenance, type MaintenanceOptions, type MaintenanceStore } from 'fastify-reason-phrase/maintenance'

const app = Fastify()

describe('An import of fastify-reason-phrase/maintenance alone', () => {
  test('adds the decorator and the config of routes', () => {
    expect(app.maintenance).type.toBe<Maintenance>()
    expect(app.get).type.toBeCallableWith('/', { config: { maintenance: 'exempt' } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { maintenance: 'off' } }, () => 'a')
  })

  test('has the types of its options', () => {
    const store: MaintenanceStore = { load: () => ({ enabled: false }), save: () => {} }
    const options: MaintenanceOptions = { store, pollInterval: 1, exempt: ({ url }) => url === '/' }
    expect(app.register).type.toBeCallableWith(maintenance, options)
  })
})
