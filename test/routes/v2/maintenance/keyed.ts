import t, { type Test } from 'tap'
import { databases } from '../../../fixtures/database.js'
import { listenForSigned } from '../../../fixtures/keyed-client.js'
import { summarize } from '../../../fixtures/keyed-service.js'
import { createService } from '../../../fixtures/service.js'

for (const { name, skip, open } of databases) {
  t.test(`with an idempotency key on ${name}`, { skip }, async t => {
    async function serve (t: Test) {
      const app = await createService(t, await open(t))
      const send = await listenForSigned(t, app)
      return {
        app,
        put: (payload: object, key?: string) => send('PUT', '/v2/maintenance', { payload, key }),
        create: (key: string) => send('POST', '/v2/topic', { key, payload: { name: 'a', description: '', mediaType: 'text/plain' } }),
        readRecords: () => app.database.run(db => db.selectFrom('idempotency').select(['idempotencyKey', 'state']).execute())
      }
    }

    t.test('begins and ends maintenance once, and replays the responses', async t => {
      const { app, put } = await serve(t)
      const begun = await put({ enabled: true, message: 'Moving' }, 'begin')
      t.match(summarize(begun), { statusCode: 200, status: 'succeeded', replayed: undefined })
      t.match(app.maintenance.state, { enabled: true, message: 'Moving' }, 'takes effect before the response arrives')
      t.strictSame(JSON.parse(begun.body), app.maintenance.state)

      t.match(summarize(await put({ enabled: false }, 'end')), { statusCode: 200, body: '{"enabled":false}', status: 'succeeded' })
      t.equal(app.maintenance.state.enabled, false)
      t.strictSame(summarize(await put({ enabled: true, message: 'Moving' }, 'begin')), { ...summarize(begun), replayed: 'true' })
      t.equal(app.maintenance.state.enabled, false, 'has no effect at a replay')
    })

    t.test('replays a rejection', async t => {
      const { app, put } = await serve(t)
      for (const replayed of [undefined, 'true']) {
        t.match(summarize(await put({ enabled: false, message: 'a' }, 'a')), {
          statusCode: 422, reason: 'With enabled: false, message must be left out', status: 'rejected', replayed
        })
      }
      t.equal(app.maintenance.state.enabled, false)
    })

    t.test('stays off if the transaction is rolled back', async t => {
      const { app, put, readRecords } = await serve(t)
      const { enter } = app.maintenance
      app.maintenance.enter = async (...parameters) => {
        await enter(...parameters)
        throw new Error('Not today')
      }
      t.match(summarize(await put({ enabled: true }, 'a')), { statusCode: 500, status: undefined })
      t.equal(app.maintenance.state.enabled, false)
      t.same(await app.database.run(db => db.selectFrom('maintenance').selectAll().execute()), [])
      t.same(await readRecords(), [])

      app.maintenance.enter = enter
      t.match(summarize(await put({ enabled: true }, 'a')), { statusCode: 200, status: 'succeeded', replayed: undefined })
      t.equal(app.maintenance.state.enabled, true)
    })

    t.test('ignores the key during maintenance, except on exempt routes', async t => {
      const { app, put, create, readRecords } = await serve(t)
      await app.maintenance.enter({ message: 'Moving' })
      for (const key of ['a', 'a', '"malformed']) {
        t.match(summarize(await create(key)), { statusCode: 503, reason: 'Moving', status: undefined, replayed: undefined, retryAfter: '60' })
      }
      t.same(await readRecords(), [])

      t.match(summarize(await put({ enabled: false }, 'a')), { statusCode: 200, status: 'succeeded', replayed: undefined }, 'executes a request on an exempt route')
      t.match(summarize(await create('b')), { statusCode: 201, status: 'succeeded', replayed: undefined })
    })
  })
}
