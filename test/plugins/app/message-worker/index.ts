import { PassThrough } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import Libsql from 'libsql'
import pg from 'pg'
import t from 'tap'
import type { DatabaseOptions } from '../../../../plugins/app/database/index.js'
import { databases, Gate, postgresql, sqlite } from '../../../fixtures/database.js'
import { createMessagingService } from '../../../fixtures/messaging-service.js'

/** Returns the options of a logger, and its log lines. */
function logger () {
  const lines: Array<{ level: number, msg: string }> = []
  const stream = new PassThrough().on('data', line => lines.push(JSON.parse(line)))
  return {
    logger: { level: 'info', stream },
    async logged (pattern: RegExp) {
      // Without this timer, the event loop could be empty, and the process would end.
      while (!lines.some(({ msg }) => pattern.test(msg))) await setTimeout(10)
    },
    count: (pattern: RegExp) => lines.filter(({ msg }) => pattern.test(msg)).length
  }
}

const numbers = (length: number) => Array.from({ length }, (_, number) => number)

for (const { name, skip, open } of databases) {
  t.test(`on ${name}, the worker`, { skip }, async t => {
    t.test('stores messages that were accepted before its start', async t => {
      const options = await open(t)
      const before = await createMessagingService(t, options, { working: false })
      const topicIds = [await before.topic('a'), await before.topic('b')]
      for (const topicId of topicIds) for (const number of [0, 1, 2]) await before.send(topicId, number)
      await before.app.close()

      const { settled, values } = await createMessagingService(t, options)
      await settled()
      for (const topicId of topicIds) t.strictSame(await values(topicId), [0, 1, 2])
    })

    t.test('stores messages that another process accepted', async t => {
      const options = await open(t)
      const { topic, send } = await createMessagingService(t, options, { working: false })
      const topicId = await topic('a')
      const { settled, values } = await createMessagingService(t, options)
      await send(topicId, 0)
      await settled()
      t.strictSame(await values(topicId), [0])
    })

    t.test('gives the messages of a deleted topic the status failed, and no position', async t => {
      const options = await open(t)
      const { app, topic, send } = await createMessagingService(t, options, { working: false })
      const [kept, deleted] = [await topic('kept'), await topic('deleted')]
      const ids = [await send(deleted, 0), await send(kept, 0), await send(deleted, 1)]
      await app.topics.remove(deleted)
      // A request can find the topic just before it is deleted.
      ids.push(await send(deleted, 2))

      const { app: other, settled, counts, values } = await createMessagingService(t, options)
      await settled()
      t.same(await counts(), { stored: 1, failed: 3 })
      const failed = await other.messages.find(ids[0])
      t.match(failed, { topicId: deleted, status: 'failed', reason: 'The topic was deleted', body: 0 })
      t.notOk('position' in failed!)
      t.strictSame(await values(kept), [0])
      t.strictSame(await values(deleted), [])
    })

    t.test('does not change messages of an unknown topic, and stores the others', async t => {
      const { topic, send, counts, values } = await createMessagingService(t, await open(t))
      const topicId = await topic('a')
      // The empty id sorts before all others, so the worker processes this topic first.
      await send('', 0)
      await send(topicId, 1)
      while ((await counts()).stored !== 1) await setTimeout(10)
      t.strictSame(await values(topicId), [1])
      t.same(await counts(), { accepted: 1, stored: 1 })
    })

    t.test('keeps the stored messages of a deleted topic', async t => {
      const { app, topic, send, settled } = await createMessagingService(t, await open(t))
      const topicId = await topic('a')
      const messageId = await send(topicId, 0)
      await settled()
      await app.topics.remove(topicId)
      t.match(await app.messages.find(messageId), { status: 'stored', position: 1 })
    })

    t.test('stores a new message before the backlog of many other topics', async t => {
      const options = await open(t)
      const before = await createMessagingService(t, options, { working: false })
      const topicIds = await before.topics(2_000)
      const idle = await before.topic('idle')
      await Promise.all(topicIds.map(topicId => before.send(topicId, 0)))

      const { app, send, counts, settled } = await createMessagingService(t, options)
      for (const value of [1, 2]) {
        const messageId = await send(idle, value)
        while ((await app.messages.find(messageId))!.status !== 'stored') await setImmediate()
        t.ok((await counts()).accepted! > 200, 'most other messages still wait')
      }
      await settled()
      t.same(await counts(), { stored: 2_002 })
    })

    t.test('stores a new message before the large backlog of one other topic', async t => {
      const options = await open(t)
      const before = await createMessagingService(t, options, { working: false })
      const [deep, idle] = [await before.topic('deep'), await before.topic('idle')]
      await Promise.all(numbers(4_000).map(number => before.send(deep, number)))

      const { app, send, counts, settled } = await createMessagingService(t, options)
      const messageId = await send(idle, 1)
      while ((await app.messages.find(messageId))!.status !== 'stored') await setImmediate()
      t.ok((await counts()).accepted! > 1_000, 'most messages of the other topic still wait')
      await settled()
      const { rows } = await app.database.run(db => sql<{ ordered: number | string }>`select count(*) as ordered from message where topic_id = ${deep} and position = sequence`.execute(db))
      t.equal(Number(rows[0].ordered), 4_000)
    })

    t.test('processes one topic with many messages and many other topics in turn', async t => {
      const options = await open(t)
      const before = await createMessagingService(t, options, { working: false })
      const topicIds = await before.topics(250)
      const busy = [topicIds[0], topicIds[120], topicIds[249]]
      for (const topicId of topicIds) before.send(topicId, 0)
      await Promise.all(busy.flatMap(topicId => numbers(300).map(number => before.send(topicId, number + 1))))

      const { app, settled, values, counts } = await createMessagingService(t, options)
      app.messageWorker.wake(busy)
      await settled()
      for (const topicId of busy) t.strictSame(await values(topicId), numbers(301))
      t.strictSame(await values(topicIds[1]), [0])
      t.same(await counts(), { stored: 1_150 })
    })

    t.test('finishes its transaction when the service closes, and starts no other transaction', async t => {
      const options = await open(t)
      const before = await createMessagingService(t, options, { working: false })
      const topicId = await before.topic('a')
      await Promise.all(numbers(1_400).map(number => before.send(topicId, number)))

      const { app } = await createMessagingService(t, options)
      // The worker is running, or about to start.
      await app.close()
      const { stored = 0 } = await before.counts()
      t.ok([0, 500].includes(stored), `${stored} were stored`)
      app.messageWorker.wake()
      t.same((await before.counts()).stored ?? 0, stored, 'does not start again')

      const after = await createMessagingService(t, options)
      await after.settled()
      t.strictSame(await after.values(topicId), numbers(1_000))
      t.same(await after.counts(), { stored: 1_400 })
    })
  })
}

t.test('the worker stores each message, even if it is woken for more topics than it remembers', async t => {
  const { app, topic, send, settled, values } = await createMessagingService(t, await sqlite.open(t))
  const topicId = await topic('a')
  const sent = send(topicId, 0)
  app.messageWorker.wake([topicId, ...numbers(3_000).map(number => `none ${number}`)])
  await sent
  await settled()
  t.strictSame(await values(topicId), [0])
})

t.test('a topic whose messages cannot be stored', async t => {
  const refuse = (options: DatabaseOptions, topicIds: string[]) => {
    const other = new Libsql(options.databaseFile!)
    const list = topicIds.map(topicId => `'${topicId}'`).join()
    other.exec(`create trigger refusal before update on message when old.topic_id in (${list}) begin select raise(abort, 'Refused'); end`)
    return () => {
      other.exec('drop trigger refusal')
      other.close()
    }
  }

  t.test('does not block other topics, is logged once, and is retried', async t => {
    const options = await sqlite.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicIds = await before.topics(7)
    for (const topicId of topicIds) for (const number of [0, 1]) await before.send(topicId, number)
    const allow = refuse(options, [topicIds[3]])

    const log = logger()
    const { app, send, values, counts, settled } = await createMessagingService(t, options, { logger: log.logger })
    await log.logged(/^Accepted messages wait/)
    t.same(await counts(), { accepted: 2, stored: 12 })
    await send(topicIds[2], 2)
    while ((await counts()).accepted! > 2) await setImmediate()
    app.messageWorker.wake()
    await send(topicIds[4], 2)
    while ((await counts()).accepted! > 2) await setImmediate()
    t.equal(log.count(/^Accepted messages wait/), 1)

    allow()
    await settled()
    await log.logged(/^Messages are stored again/)
    for (const topicId of topicIds) t.strictSame((await values(topicId)).slice(0, 2), [0, 1])
  })

  t.test('does not block other topics when there are many', async t => {
    const options = await sqlite.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicIds = await before.topics(230)
    await Promise.all(topicIds.map(topicId => before.send(topicId, 0)))
    const refused = [...topicIds.slice(0, 10), ...topicIds.slice(100, 110)]
    const allow = refuse(options, refused)

    const { app, counts, settled } = await createMessagingService(t, options)
    while ((await counts()).accepted! > refused.length) {
      app.messageWorker.wake()
      await setTimeout(5)
    }
    t.same(await counts(), { accepted: 20, stored: 210 })
    allow()
    app.messageWorker.wake()
    await settled()
  })
})

t.test('several workers on one PostgreSQL database', { skip: postgresql.skip }, async t => {
  t.test('skip a topic that another worker has locked', async t => {
    const options = await postgresql.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const [held, free] = [await before.topic('held'), await before.topic('free')]
    for (const topicId of [held, free]) for (const number of numbers(3)) await before.send(topicId, number)

    const other = new pg.Client(options.databaseUrl)
    await other.connect()
    t.teardown(() => other.end())
    await other.query('begin')
    await other.query('select from topic where topic_id = $1 for update', [held])

    const { values, settled } = await createMessagingService(t, options)
    while (((await before.counts()).stored ?? 0) < 3) await setTimeout(10)
    t.strictSame(await values(free), numbers(3))
    t.strictSame(await values(held), [], 'stores no message of a locked topic')
    await other.query('rollback')
    await settled()
    t.strictSame(await values(held), numbers(3))
  })

  t.test('store each message once', async t => {
    const options = await postgresql.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicIds = [await before.topic('a'), await before.topic('b'), await before.topic('c')]
    await Promise.all(numbers(2_700).map(number => before.send(topicIds[number % 3], Math.floor(number / 3))))
    const [{ settled, values }] = await Promise.all(numbers(4).map(() => createMessagingService(t, options)))
    await settled()
    for (const topicId of topicIds) t.strictSame(await values(topicId), numbers(900))
  })

  t.test('share a backlog of many topics', async t => {
    const options = await postgresql.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicIds = await before.topics(600)
    for (const topicId of topicIds) before.send(topicId, 0)
    await Promise.all(topicIds.map(topicId => before.send(topicId, 1)))
    const [{ app, settled }] = await Promise.all(numbers(3).map(() => createMessagingService(t, options)))
    await settled()
    const { rows } = await app.database.run(db => sql<{ count: string }>`select count(*) as count from message where position = sequence`.execute(db))
    t.equal(Number(rows[0].count), 1_200)
  })
})

t.test('the worker logs an unavailable database once, and stores waiting messages when it is back', async t => {
  t.test('on SQLite', async t => {
    const options = await sqlite.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicId = await before.topic('a')
    await before.send(topicId, 0)
    const other = new Libsql(options.databaseFile!)
    t.teardown(() => other.close())
    other.exec('begin immediate')

    const log = logger()
    const { app, values } = await createMessagingService(t, options, { logger: log.logger })
    await log.logged(/^Accepted messages wait/)
    // The first attempt fails at once, and the second one after the poll interval.
    app.messageWorker.wake()
    await setTimeout(3_500)
    t.equal(log.count(/^Accepted messages wait/), 1)
    t.strictSame(await values(topicId), [])

    other.exec('rollback')
    app.messageWorker.wake()
    await log.logged(/^Messages are stored again/)
    t.strictSame(await values(topicId), [0])
    t.equal(log.count(/./), 2)
  })

  t.test('on PostgreSQL', { skip: postgresql.skip }, async t => {
    const options = await postgresql.open(t)
    const before = await createMessagingService(t, options, { working: false })
    const topicId = await before.topic('a')
    const { gate, databaseUrl } = await Gate.to(t, options)
    const log = logger()
    const { values } = await createMessagingService(t, { databaseUrl }, { logger: log.logger })

    await gate.close()
    await before.send(topicId, 0)
    await log.logged(/^Accepted messages wait/)
    await gate.open()
    await log.logged(/^Messages are stored again/)
    t.strictSame(await values(topicId), [0])
  })
})
