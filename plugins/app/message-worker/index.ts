import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { sql, type Kysely, type Transaction } from 'kysely'
import { DatabaseUnavailable, type Tables } from '../database/index.js'

/** What brings accepted messages into their topics. */
export interface MessageWorker {
  /** Says that there is work, and in which topics if that is known: these are settled first. */
  wake (topicIds?: Iterable<string>): void
}

declare module 'fastify' {
  interface FastifyInstance { messageWorker: MessageWorker }
}

// A transaction settles the topics that were woken last together with those whose turn it is, so many of each at most.
// So a new message does not wait for a backlog in other topics, and no topic waits for ever.
const TOPICS = 100

/** The most messages of a topic that are settled in one transaction, in which it is alone. Several topics share it. */
const BATCH = 500

/** The least share of it: a transaction settles 2 * TOPICS * SHARE messages at most. */
const SHARE = 5

/** How many woken topics are remembered. The others wait for their turn. */
const WOKEN = 1_000

/** So many failures in a row are the fault of the database, not that of a topic. */
const FAILURES = 3

// Milliseconds from one look at what other processes left to the next, and the most while the database is away.
const POLL = 1_000
const POLL_LIMIT = 30_000

/** The next topics whose messages wait, by their ids. It looks once at an index for each, however many messages wait. */
async function topicsWaiting (db: Kysely<Tables>, after: string): Promise<string[]> {
  const { rows } = await sql<{ topicId: string }>`with recursive waiting (topic_id, place) as (
    select (select topic_id from message where status = 'accepted' and topic_id > ${after} order by topic_id limit 1), 1
    union all
    select (select topic_id from message where status = 'accepted' and topic_id > waiting.topic_id order by topic_id limit 1), place + 1
    from waiting where topic_id is not null and place < ${sql.lit(TOPICS)}
  ) select topic_id from waiting where topic_id is not null`.execute(db)
  return rows.map(({ topicId }) => topicId)
}

/** A message whose turn it is. */
interface Next {
  messageId: string
  topicId: string
  /** The position of the last stored message of its topic, if there is one. */
  last: number | string | null
}

/** The next messages of each of the topics, in the order of acceptance. */
async function next (db: Transaction<Tables>, topicIds: string[], share: number): Promise<Next[]> {
  // The numbers of waiting messages have no gaps, so a range of them is a number of messages.
  const { rows } = await sql<Next>`with head as materialized (
    select topic_id,
      (select min(sequence) from message where message.topic_id = topic.topic_id and status = 'accepted') as first,
      (select max(position) from message where message.topic_id = topic.topic_id and position is not null) as last
    from topic where topic_id in (${sql.join(topicIds)})
  ) select message.message_id, message.topic_id, head.last
    from head join message on message.topic_id = head.topic_id and message.status = 'accepted' and message.sequence < head.first + ${sql.lit(share)}
    order by message.topic_id, message.sequence`.execute(db)
  return rows
}

/** Appends them to the stored ones. */
async function store (db: Transaction<Tables>, messages: Next[]): Promise<void> {
  const positions = new Map<string, number>()
  const rows = messages.map(({ messageId, topicId, last }) => {
    const position = (positions.get(topicId) ?? Number(last)) + 1
    positions.set(topicId, position)
    return sql`(${messageId}, cast(${position} as bigint))`
  })
  await sql`with batch (message_id, position) as (values ${sql.join(rows)})
    update message set status = 'stored', position = batch.position from batch where message.message_id = batch.message_id`.execute(db)
}

/** Gives them up. */
async function fail (db: Transaction<Tables>, messages: Next[], reason: string): Promise<void> {
  await db.updateTable('message')
    .set({ status: 'failed', reason })
    .where('messageId', 'in', messages.map(({ messageId }) => messageId))
    .execute()
}

/** What failed while a worker was at work. */
interface Failures {
  first?: unknown
  /** How many times it failed since something was settled. */
  inARow: number
}

/**
 * Brings accepted messages into their topics while the service runs. Each topic is worked by one worker at a time, of
 * whatever process; what it leaves is done by the next.
 */
export default fp(async function messageWorker (app) {
  const { dialect, run } = app.database

  /** Settles the next messages of the topics. Returns how many, and the topics that may have more. */
  const settle = (topicIds: string[]) => run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
    const topics = await db.selectFrom('topic').select(['topicId', 'deleteAt'])
      .where('topicId', 'in', topicIds)
      // A transaction has all of SQLite to itself.
      .$if(dialect === 'postgresql', query => query.forUpdate().skipLocked())
      .execute()
    const deleted = new Set(topics.filter(({ deleteAt }) => deleteAt !== null).map(({ topicId }) => topicId))
    const share = Math.max(Math.floor(BATCH / topicIds.length), SHARE)
    const counts = new Map<string, number>()
    if (topics.length > 0) {
      // A statement of its own, so that it sees what the last holder of a lock did.
      const messages = await next(db, topics.map(({ topicId }) => topicId), share)
      for (const { topicId } of messages) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
      const failed = messages.filter(({ topicId }) => deleted.has(topicId))
      const kept = messages.filter(({ topicId }) => !deleted.has(topicId))
      if (kept.length > 0) await store(db, kept)
      if (failed.length > 0) await fail(db, failed, 'The topic was deleted')
    }
    const held = new Set(topicIds)
    for (const { topicId } of topics) held.delete(topicId)
    return {
      isProgress: counts.size > 0,
      unfinished: [...held, ...[...counts].filter(([, count]) => count === share).map(([topicId]) => topicId)]
    }
  }))

  let stopping = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let delay = POLL
  let isFailing = false

  // The topics in which messages were just accepted, the latest last.
  let woken = new Set<string>()
  // The last topic that had its turn; empty where the turns begin again.
  let turn = ''
  // Topics that could not be settled together: each is tried alone, so that one that fails holds up no other.
  const apart: string[] = []

  const isMore = () => turn !== '' || woken.size > 0 || apart.length > 0

  /** The topics of the next transaction. */
  async function choose (): Promise<string[]> {
    const alone = apart.shift()
    if (alone !== undefined) return [alone]
    const inTurn = await run(db => topicsWaiting(db, turn))
    turn = inTurn.length === TOPICS ? inTurn.at(-1)! : ''
    const chosen = new Set([...woken].slice(-TOPICS).concat(inTurn))
    for (const topicId of chosen) woken.delete(topicId)
    return [...chosen]
  }

  /** Settles the topics of one transaction. Returns whether any messages were settled. */
  async function round (failures: Failures): Promise<boolean> {
    // SQLite answers at once, and would leave no time for requests.
    await setImmediate()
    const topicIds = await choose()
    if (stopping || topicIds.length === 0) return false
    try {
      const { isProgress, unfinished } = await settle(topicIds)
      failures.inARow = 0
      // Not later than the others, and not before what is new.
      if (turn !== '') woken = new Set([...unfinished, ...woken])
      return isProgress
    } catch (error) {
      if (topicIds.length > 1) apart.push(...topicIds)
      failures.first ??= error
      if (error instanceof DatabaseUnavailable || ++failures.inARow === FAILURES) throw error
      return false
    }
  }

  /** Settles what waits until nothing is left but what other workers have. */
  async function work () {
    clearTimeout(timer)
    const failures: Failures = { inARow: 0 }
    let isProgress = false
    try {
      let again: boolean
      do {
        // What waits is looked at from the first topic to the last, unless the last time was cut short.
        again = turn !== ''
        do {
          if (await round(failures)) again = isProgress = true
          if (stopping) return
        } while (isMore())
      } while (again)
      if (failures.first !== undefined) throw failures.first
      if (isFailing) app.log.info('Messages are stored again')
      isFailing = false
      delay = POLL
    } catch (error) {
      if (!isFailing) app.log.error(error, 'Accepted messages wait until they can be stored')
      isFailing = true
      delay = isProgress ? POLL : Math.min(delay * 2, POLL_LIMIT)
    }
    running = undefined
    if (!stopping) timer = setTimeout(wake, delay).unref()
  }

  function wake (topicIds: Iterable<string> = []) {
    for (const topicId of topicIds) {
      // Whatever it was, it is the latest now.
      woken.delete(topicId)
      woken.add(topicId)
    }
    for (const topicId of woken) {
      if (woken.size <= WOKEN) break
      woken.delete(topicId)
    }
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
