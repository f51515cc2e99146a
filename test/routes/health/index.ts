import t from 'tap'
import { Health } from '../../../schemas/health.js'
import { databases, Gate, postgresql } from '../../fixtures/database.js'
import { matchesSchema, createService } from '../../fixtures/service.js'

for (const { name, skip, open } of databases) {
  t.test(`sends 200 on ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    const response = await app.inject('/health')
    t.equal(response.statusCode, 200)
    t.same(response.json(), { status: 'ok', database: { dialect: name.toLowerCase(), state: 'up' }, maintenance: { enabled: false } })
    t.ok(matchesSchema(Health, response.json()))
  })
}

t.test('sends 200 with the status degraded while the database is down', async t => {
  const app = await createService(t, await databases[0].open(t))
  t.intercept(app.database, 'isUp', { value: async () => false })
  const response = await app.inject('/health')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { status: 'degraded', database: { dialect: 'sqlite', state: 'down' }, maintenance: { enabled: false } })
  t.ok(matchesSchema(Health, response.json()))
})

t.test('sends 200 with the state of maintenance during maintenance', async t => {
  const app = await createService(t, await databases[0].open(t))
  await app.ready()
  const maintenance = await app.maintenance.enter({ message: 'Moving' })
  const response = await app.inject('/health')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { status: 'ok', database: { dialect: 'sqlite', state: 'up' }, maintenance })
  t.ok(matchesSchema(Health, response.json()))
})

t.test('shows when PostgreSQL goes down and comes up again', { skip: postgresql.skip }, async t => {
  const { gate, databaseUrl } = await Gate.to(t, await postgresql.open(t))
  const app = await createService(t, { databaseUrl })
  const health = async () => {
    const response = await app.inject('/health')
    t.equal(response.statusCode, 200)
    return response.json().database.state
  }
  t.equal(await health(), 'up')
  await gate.close()
  t.equal(await health(), 'down')
  await gate.open()
  t.equal(await health(), 'up')
})
