import t from 'tap'
import { Health } from '../../schemas/health.js'
import { matchesSchema } from '../fixtures/service.js'

t.test('Health accepts the states of the service and no others', async t => {
  t.ok(matchesSchema(Health, { status: 'ok', database: { dialect: 'sqlite', state: 'up' }, maintenance: { enabled: false } }))
  t.ok(matchesSchema(Health, { status: 'degraded', database: { dialect: 'postgresql', state: 'down' }, maintenance: { enabled: true, message: 'a', retryAfter: 5 } }))
  t.notOk(matchesSchema(Health, { status: 'fine', database: { dialect: 'sqlite', state: 'up' }, maintenance: { enabled: false } }))
  t.notOk(matchesSchema(Health, { status: 'ok', database: { dialect: 'sqlite', state: 'up' } }))
})

t.test('each example matches its schema', async t => {
  for (const example of Health.examples as unknown[]) t.ok(matchesSchema(Health, example))
})
