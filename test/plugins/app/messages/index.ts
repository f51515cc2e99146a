import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { createOperation } from '../../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../../plugins/idempotency/index.js'
import { databases, sqlite } from '../../../fixtures/database.js'
import { createMessagingService } from '../../../fixtures/messaging-service.js'

/** Returns the record of a response to a request with a key. */
const recordOf = (key: string): NewRecord => ({
  operation: createOperation('caller', key),
  fingerprint: Buffer.alloc(32),
  state: 'succeeded',
  answer: { statusCode: 202, headers: {}, body: Buffer.from('accepted') }
})

for (const { name, skip, open } of databases) {
  t.test(`on ${name}, app.messages`, { skip }, async t => {
    t.test('accepts a message, and the worker stores it', async t => {
      const { app, topic, send, settled } = await createMessagingService(t, await open(t))
      const topicId = await topic('a')
      const before = new Date().toISOString()
      const messageId = await send(topicId, { a: 1 })
      t.match(messageId, /^EBM-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)

      await settled()
      const message = await app.messages.find(messageId)
      const { createAt } = message!
      t.strictSame(message, { messageId, topicId, mediaType: 'application/json', status: 'stored', position: 1, createAt, body: { a: 1 } })
      t.ok(before <= createAt && createAt <= new Date().toISOString())
      t.same(await app.messages.find(`EBM-${messageId.slice(4).toUpperCase()}`), message)
      t.equal(await app.messages.find(`EBM-${'0'.repeat(32)}`), undefined)
    })

    t.test('finds an accepted message at once in each process', async t => {
      const options = await open(t)
      const { topic, send } = await createMessagingService(t, options, { working: false })
      const { app } = await createMessagingService(t, options, { working: false })
      const messageId = await send(await topic('a'), null)
      const message = await app.messages.find(messageId)
      t.match(message, { messageId, status: 'accepted', body: null })
      t.notOk('position' in message!)
      t.notOk('reason' in message!)
    })

    t.test('keeps the order of acceptance within each topic', async t => {
      const { topic, send, settled, values } = await createMessagingService(t, await open(t))
      const topicIds = [await topic('a'), await topic('b'), await topic('c')]
      const ids = await Promise.all(Array.from({ length: 900 }, (_, number) => send(topicIds[number % 3], number)))
      t.equal(new Set(ids).size, 900)
      await settled()
      for (const [index, topicId] of topicIds.entries()) {
        t.strictSame(await values(topicId), Array.from({ length: 300 }, (_, number) => 3 * number + index))
      }
    })

    t.test('keeps the order of a client that sends to several processes in turn', async t => {
      const options = await open(t)
      const processes = [await createMessagingService(t, options), await createMessagingService(t, options), await createMessagingService(t, options)]
      const [{ topic, settled, values }] = processes
      const topicIds = [await topic('a'), await topic('b')]

      // Few messages, because SQLite has one writer at a time and its waits block this thread.
      await Promise.all(Array.from({ length: 6 }, async (_, client) => {
        for (let number = 0; number < 40; number++) await processes[(client + number) % 3].send(topicIds[client % 2], { client, number })
      }))
      await settled()
      for (const [index, topicId] of topicIds.entries()) {
        const all = await values(topicId) as Array<{ client: number, number: number }>
        t.equal(all.length, 120)
        for (let client = index; client < 6; client += 2) {
          t.strictSame(all.filter(value => value.client === client).map(({ number }) => number), Array.from({ length: 40 }, (_, number) => number))
        }
      }
    })

    t.test('returns each JSON value and each byte as it was accepted', async t => {
      const { app, topic, send, settled, values } = await createMessagingService(t, await open(t))
      const json = await topic('json')
      const all = [null, 0, '', 'a\0b', '\ud83d', { 'ü\0': ['🚌', 1e300, -0.1] }, [[]]]
      for (const value of all) await send(json, value)
      const bytes = await topic('bytes', 'application/octet-stream')
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const acceptBytes = (body: Buffer) => app.messages.accept(app.messages.createDraft({ topicId: bytes, mediaType: 'application/octet-stream', body }))
      await acceptBytes(Buffer.alloc(0))
      await Promise.all([body, Buffer.alloc(0), body.subarray(1)].map(acceptBytes))
      await settled()
      t.strictSame(await values(json), all)
      t.strictSame(await values(bytes), ['', body.toString('base64'), '', body.toString('base64', 1)])
    })

    t.test('rejects messages if the backlog of all processes together is full', async t => {
      const options = { ...await open(t), messageBacklog: 5 }
      const first = await createMessagingService(t, options, { working: false })
      const second = await createMessagingService(t, options, { working: false })
      const topicIds = [await first.topic('a'), await first.topic('b')]
      const full = { message: 'Too many messages wait to be stored', statusCode: 503, headers: { 'retry-after': /^\d+$/ }, expose: true }

      await first.send(topicIds[0], 1)
      await first.send(topicIds[1], 2)
      const results = await Promise.allSettled([3, 4, 5, 6, 7].map(value => second.send(topicIds[value % 2], value)))
      t.same(results.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
      t.match((results[3] as PromiseRejectedResult).reason, full)
      await t.rejects(first.send(topicIds[0], 8), full)
      t.same(await first.counts(), { accepted: 5 })

      const { settled } = await createMessagingService(t, options)
      await settled()
      await first.send(topicIds[0], 9)
      t.same(await first.counts(), { accepted: 1, stored: 5 })
    })

    t.test('accepts one message for each idempotency key', async t => {
      const { app, topic, sequences } = await createMessagingService(t, await open(t), { working: false })
      const topicId = await topic('a')
      const accept = (value: string, key?: string) => app.messages.accept(app.messages.createDraft({ topicId, mediaType: 'application/json', body: Buffer.from(`"${value}"`) }), key === undefined ? undefined : recordOf(key))
      const findRecords = () => app.database.run(db => db.selectFrom('idempotency').select(['scope', 'idempotencyKey', 'state', 'status', 'body']).orderBy('idempotencyKey').execute())

      t.same(await Promise.all([accept('1', 'a'), accept('lost', 'a'), accept('2'), accept('3', 'b'), accept('4')]), [true, false, true, true, true], 'accepts one of two messages with the same key in a transaction')
      t.same(await Promise.all([accept('lost', 'b'), accept('lost', 'a')]), [false, false], 'accepts no message with a used key')
      t.same(await Promise.all([accept('5', 'c'), accept('lost', 'b')]), [true, false])
      t.strictSame(await sequences(topicId), [[1, '1'], [2, '2'], [3, '3'], [4, '4'], [5, '5']], 'leaves no gaps between sequence numbers')
      const records = await findRecords()
      t.match(records, ['a', 'b', 'c'].map(key => ({ scope: 'caller', idempotencyKey: key, state: 'succeeded', status: 202 })))
      t.strictSame(Buffer.from(records[0].body as ArrayBuffer), Buffer.from('accepted'))
    })

    t.test('accepts no message if its record cannot be inserted', async t => {
      const { app, topic, send, sequences } = await createMessagingService(t, await open(t), { working: false })
      const topicId = await topic('a')
      await app.database.run(db => db.schema.dropTable('idempotency').execute())
      const draft = app.messages.createDraft({ topicId, mediaType: 'application/json', body: Buffer.from('1') })
      const results = await Promise.allSettled([send(topicId, 0), app.messages.accept(draft, recordOf('a'))])
      for (const result of results) t.match(result, { status: 'rejected', reason: { message: /idempotency/ } })
      await send(topicId, 2)
      t.strictSame(await sequences(topicId), [[1, 2]])
    })

    t.test('records nothing when the backlog is full', async t => {
      const { app, topic, counts } = await createMessagingService(t, { ...await open(t), messageBacklog: 1 }, { working: false })
      const topicId = await topic('a')
      const accept = (key: string) => app.messages.accept(app.messages.createDraft({ topicId, mediaType: 'application/json', body: Buffer.from('1') }), recordOf(key))
      const results = await Promise.allSettled([accept('a'), accept('b')])
      t.match(results, [{ value: true }, { reason: { statusCode: 503, message: 'Too many messages wait to be stored' } }])
      await t.rejects(accept('a'), { message: 'Too many messages wait to be stored' }, 'rejects a retry too')
      t.same(await counts(), { accepted: 1 })
      t.match(await app.database.run(db => db.selectFrom('idempotency').select('idempotencyKey').execute()), [{ idempotencyKey: 'a' }])
    })

    t.test('pages forwards and backwards through the stored messages', async t => {
      const { app, topic, send, settled } = await createMessagingService(t, await open(t))
      const topicId = await topic('a')
      const other = await send(await topic('b'), 'other')
      const ids: string[] = []
      for (let number = 1; number <= 5; number++) ids.push(await send(topicId, number))
      await settled()
      const [a, b, c, d, e] = ids

      const page = async (query: object) => {
        const { limit, prevId, nextId, items } = (await app.messages.list(topicId, { limit: 2, ...query }))!
        return { limit, prevId, nextId, values: items.map(({ body }) => body) }
      }
      t.same(await page({}), { limit: 2, prevId: null, nextId: b, values: [1, 2] })
      t.same(await page({ afterId: b }), { limit: 2, prevId: c, nextId: d, values: [3, 4] })
      t.same(await page({ afterId: d }), { limit: 2, prevId: e, nextId: null, values: [5] })
      t.same(await page({ afterId: e }), { limit: 2, prevId: null, nextId: null, values: [] })
      t.same(await page({ beforeId: e }), { limit: 2, prevId: c, nextId: d, values: [3, 4] })
      t.same(await page({ beforeId: c }), { limit: 2, prevId: null, nextId: b, values: [1, 2] })
      t.same(await page({ beforeId: a }), { limit: 2, prevId: null, nextId: null, values: [] })
      t.same(await page({ limit: 5 }), { limit: 5, prevId: null, nextId: null, values: [1, 2, 3, 4, 5] })
      t.same(await page({ afterId: a, beforeId: e }), { limit: 2, prevId: null, nextId: c, values: [2, 3] })
      t.same(await page({ afterId: e, beforeId: a }), { limit: 2, prevId: null, nextId: null, values: [] })
      t.same(await page({ afterId: `EBM-${b.slice(4).toUpperCase()}` }), await page({ afterId: b }))

      for (const cursor of [`EBM-${'0'.repeat(32)}`, other]) {
        t.equal(await app.messages.list(topicId, { limit: 2, afterId: cursor }), undefined)
        t.equal(await app.messages.list(topicId, { limit: 2, beforeId: cursor }), undefined)
      }
    })

    t.test('does not accept a waiting message as a cursor', async t => {
      const { app, topic, send } = await createMessagingService(t, await open(t), { working: false })
      const topicId = await topic('a')
      const messageId = await send(topicId, 1)
      t.equal(await app.messages.list(topicId, { limit: 1, afterId: messageId }), undefined)
      t.same(await app.messages.list(topicId, { limit: 1 }), { limit: 1, prevId: null, nextId: null, items: [] })
    })

    t.test('ends a page before its bodies exceed 4 MiB, unless it has a single message', async t => {
      const { app, topic, send, settled } = await createMessagingService(t, await open(t))
      const topicId = await topic('a')
      const large = 'x'.repeat(1_500_000)
      const ids: string[] = []
      for (const value of [large, large, large, 'x'.repeat(5_000_000), large]) ids.push(await send(topicId, value))
      await settled()

      const page = async (query: object = {}) => {
        const { prevId, nextId, items } = (await app.messages.list(topicId, { limit: 10, ...query }))!
        return { prevId, nextId, ids: items.map(({ messageId }) => messageId) }
      }
      const [a, b, c, d, e] = ids
      t.same(await page(), { prevId: null, nextId: b, ids: [a, b] })
      t.same(await page({ afterId: b }), { prevId: c, nextId: c, ids: [c] })
      t.same(await page({ afterId: c }), { prevId: d, nextId: d, ids: [d] })
      t.same(await page({ beforeId: e }), { prevId: d, nextId: d, ids: [d] })
      t.same(await page({ beforeId: d }), { prevId: b, nextId: c, ids: [b, c] })
    })
  })
}

t.test('rejects a message that the database rejects, and accepts the next one', async t => {
  const options = await sqlite.open(t)
  const { topic, send, counts } = await createMessagingService(t, options)
  const topicId = await topic('a')
  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())

  other.exec('begin immediate')
  const results = await Promise.allSettled([send(topicId, 1), send(topicId, 2)])
  for (const result of results) t.match(result, { status: 'rejected', reason: { statusCode: 503, message: 'The database is unavailable' } })
  other.exec('rollback')
  await send(topicId, 3)
  t.equal(Object.values(await counts()).reduce((sum, count) => sum + count), 1)
})

t.test('flushes the SQLite file to the disk before a message is accepted', async t => {
  const { app } = await createMessagingService(t, await sqlite.open(t))
  const { sql } = await import('kysely')
  t.match(await app.database.run(db => sql`pragma synchronous`.execute(db)), { rows: [{ synchronous: 2 }] })
})

t.test('throws for a messageBacklog that is not a whole number of at least 0', async t => {
  const refused = async (t: Test, messageBacklog: number) => {
    await t.rejects(createMessagingService(t, { ...await sqlite.open(t), messageBacklog }), { message: /^fastify-reason-phrase: MESSAGE_BACKLOG must be/ })
  }
  for (const messageBacklog of [-1, 1.5, NaN, Infinity]) await refused(t, messageBacklog)

  const { topic, send } = await createMessagingService(t, { ...await sqlite.open(t), messageBacklog: 0 })
  await t.rejects(send(await topic('a'), 1), { message: 'Too many messages wait to be stored' })
})
