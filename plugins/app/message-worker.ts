import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Tables } from './database.js'

/** What brings accepted messages into their topics. */
export interface MessageWorker {
  /** Says that there is work. */
  wake (): void
}

declare module 'fastify' {
  interface FastifyInstance { messageWorker: MessageWorker }
}

/** The most messages of a topic that are settled at once. */
const BATCH = 500

// Milliseconds from one look at what other processes left to the next, and the most while the database is away.
const POLL = 1_000
const POLL_LIMIT = 30_000

// One look at an index for each topic, however many of its messages wait.
const WAITING = sql`with recursive waiting (topic_id) as (
  select * from (select topic_id from message where status = 'accepted' order by topic_id limit 1) as first_topic
  union all
  select (select topic_id from message where status = 'accepted' and topic_id > waiting.topic_id order by topic_id limit 1)
  from waiting where topic_id is not null
)`

/** The topics whose messages wait. */
async function topicsWaiting (db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ topicId: string }>`${WAITING} select topic_id from waiting where topic_id is not null`.execute(db)
  return rows.map(({ topicId }) => topicId)
}

/** How many messages wait, in all topics. */
export async function backlog (db: Kysely<Tables>): Promise<number> {
  // Those of a topic are settled in their order, so their numbers have no gaps.
  const { rows } = await sql<{ count: number | string | null }>`${WAITING}
    select sum(
      (select sequence from message where topic_id = waiting.topic_id and status = 'accepted' order by sequence desc limit 1) -
      (select sequence from message where topic_id = waiting.topic_id and status = 'accepted' order by sequence limit 1) + 1
    ) as count from waiting where topic_id is not null`.execute(db)
  return Number(rows[0].count)
}

/** The next messages of a topic, in the order of acceptance. */
const next = (db: Kysely<Tables>, topicId: string) => db.selectFrom('message').select(['messageId', 'sequence'])
  .where('topicId', '=', topicId)
  .where('status', '=', sql.lit('accepted'))
  .orderBy('sequence')
  .limit(BATCH)

/** Appends them to the stored ones. */
async function store (db: Transaction<Tables>, topicId: string): Promise<bigint> {
  const { last } = await db.selectFrom('message').select(({ fn }) => fn.max('position').as('last'))
    .where('topicId', '=', topicId)
    .where('position', 'is not', null)
    .executeTakeFirstOrThrow()
  const batch = db.selectFrom(next(db, topicId).as('next'))
    .select(({ fn }) => ['messageId', fn.agg<number>('row_number').over(over => over.orderBy('sequence')).as('place')])
  const { numUpdatedRows } = await db.updateTable('message')
    .from(batch.as('batch'))
    .set(({ eb, ref }) => ({ status: 'stored', position: eb(ref('batch.place'), '+', Number(last)) }))
    .whereRef('message.messageId', '=', 'batch.messageId')
    .executeTakeFirst()
  return numUpdatedRows
}

/** Gives them up. */
async function fail (db: Transaction<Tables>, topicId: string, reason: string): Promise<bigint> {
  const { numUpdatedRows } = await db.updateTable('message')
    .set({ status: 'failed', reason })
    .where('messageId', 'in', next(db, topicId).clearSelect().select('messageId'))
    .executeTakeFirst()
  return numUpdatedRows
}

/**
 * Brings accepted messages into their topics while the service runs. Each topic is worked by one worker at a time, of
 * whatever process; what it leaves is done by the next.
 */
export default fp(async function messageWorker (app) {
  const { dialect, run } = app.database

  /** How many messages of a topic were settled: none when another worker has the topic. */
  const settle = (topicId: string) => run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
    const topic = await db.selectFrom('topic').select('deleteAt')
      .where('topicId', '=', topicId)
      // A transaction has all of SQLite to itself.
      .$if(dialect === 'postgresql', query => query.forUpdate().skipLocked())
      .executeTakeFirst()
    if (topic === undefined) return 0n
    // A statement of its own, so that it sees what the last holder of the lock did.
    return topic.deleteAt === null ? store(db, topicId) : fail(db, topicId, 'The topic was deleted')
  }))

  let stopping = false
  let running: Promise<void> | undefined
  let woken = false
  let timer: NodeJS.Timeout | undefined
  let delay = POLL

  /** Settles what waits until nothing is left but what other workers have. */
  async function drain () {
    while (woken) {
      woken = false
      const failures: unknown[] = []
      for (const topicId of await run(topicsWaiting)) {
        // SQLite answers at once, and would leave no time for requests.
        await setImmediate()
        if (stopping) return
        try {
          if (await settle(topicId) > 0n) woken = true
        } catch (error) {
          // It must not hold up the other topics.
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    }
  }

  async function work () {
    clearTimeout(timer)
    try {
      await drain()
      if (delay > POLL) app.log.info('Messages are stored again')
      delay = POLL
    } catch (error) {
      if (delay === POLL) app.log.error(error, 'Accepted messages wait until they can be stored')
      delay = Math.min(delay * 2, POLL_LIMIT)
    }
    running = undefined
    if (!stopping) timer = setTimeout(wake, delay).unref()
  }

  function wake () {
    woken = true
    if (!stopping) running ??= work()
  }

  app.decorate<MessageWorker>('messageWorker', { wake })
  app.addHook('onReady', async () => wake())
  app.addHook('preClose', async () => {
    stopping = true
    clearTimeout(timer)
  })
  app.addHook('onClose', () => running)
}, { name: 'message-worker', dependencies: ['database'] })
