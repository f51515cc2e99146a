import Fastify from 'fastify'
import type { Transaction } from 'kysely'
import t, { type Test } from 'tap'
import database, { type DatabaseOptions } from '../../../../plugins/app/database/index.js'
import type { Tables } from '../../../../plugins/app/database/tables.js'
import plugin from '../../../../plugins/app/topics/index.js'
import { databases } from '../../../fixtures/database.js'

const draft = { description: 'What it is for', mediaType: 'text/plain' }

for (const { name, skip, open } of databases) {
  t.test(`on ${name}, app.topics`, { skip }, async t => {
    async function registry (t: Test, options?: DatabaseOptions) {
      options ??= await open(t)
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(database, options)
      await app.register(plugin)
      const { topics } = app

      return {
        topics,
        transaction: <Result>(work: (transaction: Transaction<Tables>) => Promise<Result>) => app.database.run(db => db.transaction().execute(work)),
        /** Creates a topic with each name, in this order. Returns the ids by name. */
        async create (...names: string[]) {
          const ids: Record<string, string> = {}
          for (const name of names) ids[name] = (await topics.create({ ...draft, name }))!.topicId
          return ids
        },
        /** Returns the names on the page of a query, and the names of its cursors. */
        async names (query: Partial<Parameters<typeof topics.list>[0]>) {
          const { items, prevId, nextId, limit } = await topics.list({ limit: 500, ...query })
          t.ok(items.length <= limit)
          const name = (id: string | null) => items.find(({ topicId }) => topicId === id)?.name ?? id
          return { names: items.map(({ name }) => name).join(' '), prev: name(prevId), next: name(nextId) }
        },
        /** Sets the creation time of a topic. */
        async date (name: string, createAt: string) {
          await app.database.run(db => db.updateTable('topic').set({ createAt }).where('name', '=', name).execute())
        }
      }
    }

    t.test('creates a topic, and finds it', async t => {
      const { topics } = await registry(t)
      const before = new Date().toISOString()
      const topic = await topics.create({ name: 'Ünïcode 🚌', description: 'Line\nbreak', mediaType: 'a/b; c="d"' })
      const after = new Date().toISOString()

      t.match(topic, {
        topicId: /^EBT-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/,
        name: 'Ünïcode 🚌',
        description: 'Line\nbreak',
        mediaType: 'a/b; c="d"',
        deleteAt: null
      })
      t.match(topic!.createAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      t.ok(before <= topic!.createAt && topic!.createAt <= after)
      t.same(await topics.find(topic!.topicId), topic)
    })

    t.test('creates one topic if several requests use the same name at once', async t => {
      const { topics, create } = await registry(t)
      const created = await Promise.all(Array.from({ length: 20 }, () => topics.create({ ...draft, name: 'taken' })))
      t.equal(created.filter(Boolean).length, 1)
      t.equal((await topics.list({ limit: 10 })).items.length, 1)

      await create('Taken')
      t.equal((await topics.list({ limit: 10 })).items.length, 2, 'takes names as case-sensitive')
    })

    t.test('creates the other topics of a batch if the name of one topic is taken', async t => {
      const { topics, create } = await registry(t)
      await create('b')
      const created = await Promise.all(['a', 'b', 'c', 'a'].map(name => topics.create({ ...draft, name })))
      t.strictSame(created.map(topic => topic?.name), ['a', undefined, 'c', undefined])
      for (const topic of created.filter(Boolean)) t.strictSame(await topics.find(topic!.topicId), topic)
    })

    t.test('creates topics with the same names in two processes without a deadlock', async t => {
      const options = await open(t)
      const processes = [await registry(t, options), await registry(t, options)]
      const names = Array.from({ length: 50 }, (_, number) => `${number}`)
      const created = await Promise.all([names, names.toReversed()].flatMap((names, index) =>
        names.map(name => processes[index].topics.create({ ...draft, name }))))
      t.same(created.filter(Boolean).map(topic => topic!.name).sort(), names.toSorted())
    })

    t.test('creates and deletes topics in a given transaction', async t => {
      const { topics, create, names, transaction } = await registry(t)
      const { a } = await create('a')
      const change = async (transaction: Transaction<Tables>) => {
        t.match(await topics.create({ ...draft, name: 'b' }, transaction), { name: 'b' })
        t.equal(await topics.create({ ...draft, name: 'a' }, transaction), undefined)
        t.match(await topics.remove(a, transaction), { topicId: a })
        t.equal(await topics.remove(a, transaction), undefined)
      }
      await t.rejects(transaction(async transaction => {
        await change(transaction)
        throw new Error('Not today')
      }), { message: 'Not today' })
      t.equal((await names({})).names, 'a')
      await transaction(change)
      t.equal((await names({})).names, 'b')
    })

    t.test('finds many topics at once, and returns the right topic for each id', async t => {
      const { topics, create } = await registry(t)
      const { a, b } = await create('a', 'b')
      const none = `EBT-${'0'.repeat(32)}`
      const found = await Promise.all([a, none, b, a].map(topicId => topics.find(topicId)))
      t.strictSame(found.map(topic => topic?.name), ['a', undefined, 'b', 'a'])
    })

    t.test('accepts the name of a deleted topic for a new topic', async t => {
      const { topics, create } = await registry(t)
      for (let round = 0; round < 3; round++) {
        const { again } = await create('again')
        t.ok(await topics.remove(again))
      }
    })

    t.test('finds a topic by its id, with digits in upper or lower case', async t => {
      const { topics, create } = await registry(t)
      const { a } = await create('a')
      t.match(await topics.find(a), { topicId: a, name: 'a' })
      t.match(await topics.find(`EBT-${a.slice(4).toUpperCase()}`), { topicId: a, name: 'a' })
      t.equal(await topics.find(`EBT-${'0'.repeat(32)}`), undefined)
    })

    t.test('deletes a topic only once', async t => {
      const { topics, create } = await registry(t)
      const { a, b } = await create('a', 'b')
      const before = new Date().toISOString()
      const removed = await Promise.all([topics.remove(a), topics.remove(a), topics.remove(a)])
      t.equal(removed.filter(Boolean).length, 1)

      const topic = removed.find(Boolean)!
      t.match(topic, { topicId: a, name: 'a' })
      t.ok(topic.createAt <= before && before <= topic.deleteAt! && topic.deleteAt! <= new Date().toISOString())
      t.equal(await topics.find(a), undefined)
      t.equal(await topics.remove(a), undefined)
      t.match(await topics.remove(`EBT-${b.slice(4).toUpperCase()}`), { topicId: b })
    })

    t.test('lists topics newest first, even if they were created in the same millisecond', async t => {
      const { topics } = await registry(t)
      t.same(await topics.list({ limit: 10 }), { limit: 10, prevId: null, nextId: null, items: [] })

      t.intercept(Date, 'now', { value: () => 1_750_000_000_000 })
      const created = await Promise.all(Array.from({ length: 300 }, (_, number) => topics.create({ ...draft, name: `${number}` })))
      t.same((await topics.list({ limit: 500 })).items, created.toReversed())
    })

    t.test('pages forwards and backwards', async t => {
      const { create, names } = await registry(t)
      const ids = await create('a', 'b', 'c', 'd', 'e')

      t.same(await names({ limit: 2 }), { names: 'e d', prev: null, next: 'd' })
      t.same(await names({ limit: 2, afterId: ids.d }), { names: 'c b', prev: 'c', next: 'b' })
      t.same(await names({ limit: 2, afterId: ids.b }), { names: 'a', prev: 'a', next: null })
      t.same(await names({ limit: 2, beforeId: ids.a }), { names: 'c b', prev: 'c', next: 'b' })
      t.same(await names({ limit: 2, beforeId: ids.c }), { names: 'e d', prev: null, next: 'd' })
      t.same(await names({ limit: 5 }), { names: 'e d c b a', prev: null, next: null })
      t.same(await names({ limit: 4 }), { names: 'e d c b', prev: null, next: 'b' })
    })

    t.test('returns an empty page beyond the ends of the list', async t => {
      const { create, names } = await registry(t)
      const { a, b } = await create('a', 'b')
      t.same(await names({ afterId: a }), { names: '', prev: null, next: null })
      t.same(await names({ beforeId: b }), { names: '', prev: null, next: null })
      t.same(await names({ beforeId: `EBT-${'0'.repeat(32)}` }), { names: 'b a', prev: null, next: null })
      t.same(await names({ afterId: `EBT-${'f'.repeat(32)}` }), { names: 'b a', prev: null, next: null })
    })

    t.test('takes two cursors as the ends of the list', async t => {
      const { create, names } = await registry(t)
      const ids = await create('a', 'b', 'c', 'd', 'e')
      t.same(await names({ beforeId: ids.a, afterId: ids.e }), { names: 'd c b', prev: null, next: null })
      t.same(await names({ beforeId: ids.a, afterId: ids.e, limit: 2 }), { names: 'd c', prev: null, next: 'c' })
      t.same(await names({ beforeId: ids.a, afterId: ids.c, limit: 2 }), { names: 'b', prev: null, next: null })
      t.same(await names({ beforeId: ids.e, afterId: ids.a }), { names: '', prev: null, next: null })
    })

    t.test('accepts cursors with digits in upper or lower case, and of a deleted topic', async t => {
      const { topics, create, names } = await registry(t)
      const ids = await create('a', 'b', 'c')
      await topics.remove(ids.b)
      const b = `EBT-${ids.b.slice(4).toUpperCase()}`
      t.same(await names({ afterId: b }), { names: 'a', prev: 'a', next: null })
      t.same(await names({ beforeId: b }), { names: 'c', prev: null, next: 'c' })
    })

    t.test('lists the topics whose name contains a text, case-sensitively', async t => {
      const { create, names } = await registry(t)
      await create('Orders.Created', 'orders.created', '100%', '100_', '1000', 'a\\b', 'ÄÖ', 'äö')
      t.equal((await names({ name: 'orders' })).names, 'orders.created')
      t.equal((await names({ name: 'ers.cre' })).names, 'orders.created')
      t.equal((await names({ name: 'Created' })).names, 'Orders.Created')
      t.equal((await names({ name: '%' })).names, '100%')
      t.equal((await names({ name: '0_' })).names, '100_')
      t.equal((await names({ name: '\\' })).names, 'a\\b')
      t.equal((await names({ name: 'Ö' })).names, 'ÄÖ')
      t.equal((await names({ name: 'none' })).names, '')
    })

    t.test('lists the topics between two dates with a precision of milliseconds', async t => {
      const { create, names, date } = await registry(t)
      await create('a', 'b', 'c', 'd')
      await date('a', '2025-01-01T00:00:00.000Z')
      await date('b', '2025-01-01T00:00:00.001Z')
      await date('c', '2025-01-01T00:00:00.002Z')
      await date('d', '2025-01-01T00:00:01.000Z')

      const b = '2025-01-01T00:00:00.001Z'
      const c = '2025-01-01T00:00:00.002Z'
      t.equal((await names({ startDate: b })).names, 'd c b')
      t.equal((await names({ endDate: c })).names, 'b a')
      t.equal((await names({ startDate: b, endDate: c })).names, 'b')
      t.equal((await names({ startDate: b, endDate: b })).names, '')
      t.equal((await names({ startDate: '2025-01-01T02:00:00.001+02:00', endDate: '2024-12-31T19:00:01-05:00' })).names, 'c b')
    })

    t.test('pages through a filtered list', async t => {
      const { create, names, date } = await registry(t)
      const ids = await create('x1', 'y1', 'x2', 'y2', 'x3')
      t.same(await names({ name: 'x', limit: 1 }), { names: 'x3', prev: null, next: 'x3' })
      t.same(await names({ name: 'x', limit: 1, afterId: ids.x3 }), { names: 'x2', prev: 'x2', next: 'x2' })
      t.same(await names({ name: 'y', limit: 1, afterId: ids.x3 }), { names: 'y2', prev: null, next: 'y2' })
      t.same(await names({ name: 'y', limit: 1, beforeId: ids.x1 }), { names: 'y1', prev: 'y1', next: null })
      t.same(await names({ name: 'x', beforeId: ids.x2, limit: 1 }), { names: 'x3', prev: null, next: 'x3' })

      await date('x3', '2020-01-01T00:00:00.000Z')
      t.same(await names({ startDate: '2021-01-01T00:00:00Z', afterId: ids.x3, limit: 1 }), { names: 'y2', prev: null, next: 'y2' })
    })
  })
}
