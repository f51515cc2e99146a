import t, { type Test } from 'tap'
import { databases } from '../../../fixtures/database.js'
import { listenForSigned, OTHER_KEY, persist, type KeyedRequestOptions } from '../../../fixtures/keyed-client.js'
import { summarize } from '../../../fixtures/keyed-service.js'
import { createService, writeKeysFile } from '../../../fixtures/service.js'
import { KEY } from '../../../fixtures/sign.js'
import { valuesOf, type WireResponse } from '../../../fixtures/wire.js'

const draft = { name: 'orders.created', description: 'An order was placed', mediaType: 'application/json' }

const locationOf = (response: WireResponse) => valuesOf(response, 'location')[0]

/** Returns the expected replay of a response. */
const replayOf = (response: WireResponse) => ({ ...summarize(response), replayed: 'true' })

for (const { name, skip, open } of databases) {
  t.test(`with an idempotency key on ${name}`, { skip }, async t => {
    async function serve (t: Test) {
      const app = await createService(t, { keysFile: writeKeysFile(t, [KEY, OTHER_KEY]), ...await open(t) })
      const send = await listenForSigned(t, app)
      return {
        app,
        create: (key: string | undefined, changes: object = {}, options?: KeyedRequestOptions) => send('POST', '/v2/topic', { key, payload: { ...draft, ...changes }, ...options }),
        remove: (path: string, key?: string) => send('DELETE', path, { key }),
        names: async () => JSON.parse((await send('GET', '/v2/topic')).body).items.map(({ name }: { name: string }) => name).sort()
      }
    }

    t.test('creates one topic, and replays its response', async t => {
      const { app, create, names } = await serve(t)
      const first = await create('a')
      t.match(summarize(first), { statusCode: 201, status: 'succeeded', replayed: undefined })
      t.equal(locationOf(first), `/v2/topic/${JSON.parse(first.body).topicId}`)
      for (let round = 0; round < 2; round++) {
        const again = await create('a')
        t.strictSame(summarize(again), replayOf(first))
        t.equal(locationOf(again), locationOf(first))
        t.strictSame(valuesOf(again, 'content-type'), valuesOf(first, 'content-type'))
      }
      t.same(await names(), [draft.name])
      t.match(await app.database.run(db => db.selectFrom('idempotency').selectAll().execute()), [
        { scope: KEY.id, idempotencyKey: 'a', state: 'succeeded', status: 201, headers: new RegExp(`"location":"${locationOf(first)}"`) }
      ])
    })

    t.test('creates one topic for many concurrent requests with the same key', async t => {
      const { create, names } = await serve(t)
      const responses = await Promise.all(Array.from({ length: 20 }, () => persist(() => create('a'))))
      t.equal(new Set(responses.map(({ statusCode, body }) => `${statusCode} ${body}`)).size, 1)
      t.equal(responses.filter(response => valuesOf(response, 'idempotent-replayed').length === 0).length, 1)
      t.same(await names(), [draft.name])
    })

    t.test('creates the topics of many concurrent requests with and without keys', async t => {
      const { create, names } = await serve(t)
      const numbers = Array.from({ length: 20 }, (_, number) => `${number}`)
      const responses = await Promise.all(numbers.flatMap(number => [persist(() => create(number, { name: `keyed ${number}` })), create(undefined, { name: `bare ${number}` })]))
      t.same(responses.map(({ statusCode }) => statusCode), responses.map(() => 201))
      t.equal((await names()).length, 40)
      t.notOk(responses.some((response, index) => valuesOf(response, 'idempotency-status').length !== (index + 1) % 2), 'sends Idempotency-Status only for requests with a key')
    })

    t.test('creates one topic if requests with different keys have the same name', async t => {
      const { create } = await serve(t)
      const responses = await Promise.all(Array.from({ length: 10 }, (_, number) => persist(() => create(number % 2 === 0 ? `${number}` : undefined))))
      t.same(responses.map(({ statusCode }) => statusCode).sort(), [201, ...Array(9).fill(422)])
    })

    t.test('replays a rejection even if the request would now succeed', async t => {
      const { create, remove, names } = await serve(t)
      const location = locationOf(await create(undefined))!
      const taken = await create('a')
      t.match(summarize(taken), { statusCode: 422, reason: `A topic named "${draft.name}" exists already`, status: 'rejected', replayed: undefined })
      t.equal((await remove(location)).statusCode, 200)
      t.strictSame(summarize(await create('a')), replayOf(taken))
      t.same(await names(), [])
      t.equal((await create('b')).statusCode, 201)

      const malformed = await create('c', { mediaType: 'json' })
      t.match(summarize(malformed), { statusCode: 422, reason: '"json" is not a media type', status: 'rejected', replayed: undefined })
      t.strictSame(summarize(await create('c', { mediaType: 'json' })), replayOf(malformed))
    })

    t.test('sends no Idempotency-Status for an invalid request, whose key stays unused', async t => {
      const { create, names } = await serve(t)
      t.match(summarize(await create('a', { name: '' })), { statusCode: 400, status: undefined })
      t.match(summarize(await create('a')), { statusCode: 201, replayed: undefined }, 'executes the next request with the key')
      t.match(summarize(await create('a', { name: 'other' })), { statusCode: 422, status: 'mismatch' })
      t.same(await names(), [draft.name])
    })

    t.test('deletes a topic once, and replays the response', async t => {
      const { create, remove } = await serve(t)
      const location = locationOf(await create(undefined))!
      const deleted = await remove(location, 'a')
      t.match(summarize(deleted), { statusCode: 200, status: 'succeeded', replayed: undefined })
      t.ok(JSON.parse(deleted.body).deleteAt)
      t.strictSame(summarize(await remove(location, 'a')), replayOf(deleted))

      const missing = await remove(location, 'b')
      t.match(summarize(missing), { statusCode: 404, reason: /^No topic EBT-/, status: 'rejected', replayed: undefined })
      t.strictSame(summarize(await remove(location, 'b')), replayOf(missing))
    })

    t.test('keeps the keys of two callers apart', async t => {
      const { create, names } = await serve(t)
      const first = await create('a', { name: 'mine' })
      const second = await create('a', { name: 'theirs' }, { caller: OTHER_KEY })
      for (const response of [first, second]) t.match(summarize(response), { statusCode: 201, status: 'succeeded', replayed: undefined })
      t.same(await names(), ['mine', 'theirs'])
      t.strictSame(summarize(await create('a', { name: 'theirs' }, { caller: OTHER_KEY })), replayOf(second))
    })
  })
}
