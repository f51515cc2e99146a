import t from 'tap'
import { Maintenance, MaintenanceChange } from '../../schemas/maintenance.js'
import { matchesSchema } from '../fixtures/service.js'

const since = '2025-08-19T09:30:00.000Z'

t.test('Maintenance requires enabled', async t => {
  t.ok(matchesSchema(Maintenance, { enabled: false }))
  t.ok(matchesSchema(Maintenance, { enabled: true, message: 'a', since, retryAfter: 60 }))
  t.ok(matchesSchema(Maintenance, { enabled: true, message: 'a', since, until: since }))
  t.notOk(matchesSchema(Maintenance, {}))
})

t.test('MaintenanceChange rejects malformed and unknown properties', async t => {
  t.ok(matchesSchema(MaintenanceChange, { enabled: false }))
  t.ok(matchesSchema(MaintenanceChange, { enabled: true, message: 'Wir ziehen um 🚌', until: '2025-08-19T12:00:00+02:00' }))
  t.ok(matchesSchema(MaintenanceChange, { enabled: true, message: 'a'.repeat(512), retryAfter: 604_800 }))
  for (const wrong of [
    { enabled: 'true' }, { message: '' }, { message: ' ' }, { message: 'a\nb' }, { message: 'a\0' }, { message: '\ud83d' }, { message: 'a'.repeat(513) },
    { until: 'tomorrow' }, { until: 5 }, { until: null }, { retryAfter: 0 }, { retryAfter: 1.5 }, { retryAfter: '5' }, { retryAfter: 604_801 }, { since }, { colour: 'red' }
  ]) {
    t.notOk(matchesSchema(MaintenanceChange, { enabled: true, ...wrong }), JSON.stringify(wrong))
  }
  t.notOk(matchesSchema(MaintenanceChange, {}))
})

t.test('each example matches its schema', async t => {
  for (const example of Maintenance.examples as unknown[]) t.ok(matchesSchema(Maintenance, example))
  for (const schema of [Maintenance, MaintenanceChange]) {
    for (const property of Object.values(schema.properties)) for (const example of (property.examples ?? []) as unknown[]) t.ok(matchesSchema(property, example))
  }
})
