import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { Maintenance } from '../../../../schemas/maintenance.js'
import { databases, sqlite } from '../../../fixtures/database.js'
import { assertInjectedError, matchesSchema, createService } from '../../../fixtures/service.js'

const put = (app: FastifyInstance, payload: object) => app.inject({ method: 'PUT', url: '/v2/maintenance', payload })
const message = 'Temporarily offline for maintenance'

for (const { name, skip, open } of databases) {
  t.test(`begins, changes and ends maintenance on ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    const get = async () => {
      const response = await app.inject('/v2/maintenance')
      t.equal(response.statusCode, 200)
      t.ok(matchesSchema(Maintenance, response.json()))
      return response.json()
    }
    t.same(await get(), { enabled: false })

    const begun = await put(app, { enabled: true })
    t.equal(begun.statusCode, 200)
    t.match(begun.json(), { enabled: true, message, retryAfter: 60 })
    t.same(await get(), begun.json())
    const refused = await app.inject('/v2/topic')
    assertInjectedError(t, refused, 503, message)
    t.equal(refused.headers['retry-after'], '60')

    const until = new Date(Date.now() + 60_000).toISOString()
    const changed = await put(app, { enabled: true, message: 'We move 🚌', until })
    t.same(changed.json(), { enabled: true, message: 'We move 🚌', since: begun.json().since, until })
    t.same(await get(), changed.json())
    assertInjectedError(t, await app.inject('/v2/nothing'), 503, /^We move/)

    for (const text of ['2999-08-19 10:00:00Z', '2999-08-19T11:00:00+0100']) {
      t.equal((await put(app, { enabled: true, until: text })).json().until, '2999-08-19T10:00:00.000Z', text)
    }
    const ended = await put(app, { enabled: false })
    t.equal(ended.statusCode, 200)
    t.same(ended.json(), { enabled: false })
    t.same(await get(), { enabled: false })
    t.equal((await app.inject('/v2/topic')).statusCode, 200)
    t.same((await put(app, { enabled: false })).json(), { enabled: false })
  })
}

t.test('sends 400 or 422 for an invalid change', async t => {
  const app = await createService(t, await sqlite.open(t))
  assertInjectedError(t, await put(app, {}), 400, "body must have required property 'enabled'")
  assertInjectedError(t, await put(app, { enabled: 'true' }), 400, 'body/enabled must be boolean')
  assertInjectedError(t, await put(app, { enabled: true, reason: 'a' }), 400, 'body has an unknown property: reason')
  assertInjectedError(t, await put(app, { enabled: true, until: 'tomorrow' }), 400, 'body/until must match format "date-time"')
  assertInjectedError(t, await put(app, { enabled: true, retryAfter: 0 }), 400, 'body/retryAfter must be >= 1')
  assertInjectedError(t, await put(app, { enabled: true, until: '2020-01-01T00:00:00Z' }), 422, 'until must be in the future, not 2020-01-01T00:00:00Z')
  assertInjectedError(t, await put(app, { enabled: true, until: '2999-01-01T00:00:00Z', retryAfter: 5 }), 422, 'Give until or retryAfter, not both')
  assertInjectedError(t, await put(app, { enabled: false, message: 'a' }), 422, 'With enabled: false, message must be left out')
  t.same((await app.inject('/v2/maintenance')).json(), { enabled: false })
})

t.test('sends 503 while the database is unavailable, and changes nothing', async t => {
  const app = await createService(t, await sqlite.open(t))
  await app.ready()
  t.intercept(app.database, 'run', { value: async () => { throw Object.assign(new Error('The database is unavailable'), { statusCode: 503, expose: true }) } })
  assertInjectedError(t, await put(app, { enabled: true }), 503, 'The database is unavailable')
  t.same((await app.inject('/v2/maintenance')).json(), { enabled: false })
})
