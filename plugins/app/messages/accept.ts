import type { FastifyInstance } from 'fastify'
import { sql, type Kysely, type Transaction } from 'kysely'
import { ServiceUnavailable } from '../../../lib/service-unavailable.js'
import type { NewRecord } from '../../idempotency/index.js'
import { createBatches } from '../database/batches.js'
import type { Parameters } from '../database/compile.js'
import { createId } from '../database/ids.js'
import type { Database } from '../database/index.js'
import type { Tables } from '../database/tables.js'

/** A message to accept. */
export interface Draft {
  messageId: string
  topicId: string
  mediaType: string
  body: Buffer
}

/** A message, with the idempotency record of its request if the request has a key. */
interface Candidate {
  draft: Draft
  record: NewRecord | undefined
}

/** Returns a message with a new id. */
export function createDraft (message: Omit<Draft, 'messageId'>): Draft {
  return { messageId: createId('EBM'), ...message }
}

/** Thrown if the backlog is full: a 503 with a public message. */
export class BacklogFull extends ServiceUnavailable {
  constructor () {
    super('Too many messages wait to be stored')
  }
}

// A count of the backlog is used for this time if it leaves room for this many messages: all processes together do not accept as
// many in that time. If there is less room, each batch counts again.
const MAX_COUNT_AGE_MS = 1_000
const AMPLE_ROOM = 10_000

/**
 * Returns a function that accepts a message. It resolves to false if the idempotency key of its record is used already.
 *
 * @param messageBacklog the maximum number of messages that wait to be stored
 */
export function createAccept (app: FastifyInstance, messageBacklog: number): (draft: Draft, record?: NewRecord) => Promise<boolean> {
  const { run } = app.database
  const insertMessages = createInsertMessages(app.database)

  // The last count of the backlog, plus the messages that this process has accepted since.
  let waiting = 0
  let countedAt = -Infinity

  /** Returns how many more messages the backlog can take. */
  async function countRoom (): Promise<number> {
    const now = performance.now()
    if (now - countedAt > MAX_COUNT_AGE_MS || messageBacklog - waiting < AMPLE_ROOM) {
      waiting = await run(db => countWaiting(db, messageBacklog))
      countedAt = now
    }
    return messageBacklog - waiting
  }

  /** Inserts the records of the messages. Returns for each message whether to insert it: if it has no key, or a new key. */
  async function insertRecords (db: Transaction<Tables>, candidates: Candidate[]): Promise<boolean[]> {
    const records = candidates.flatMap(({ record }) => record ?? [])
    const inserted = records.length === 0 ? [] : await app.idempotencyStore.insertRecords(db, records)
    return candidates.map(({ record }) => record === undefined || inserted.shift()!)
  }

  const accept = createBatches(async (items: Candidate[]): Promise<boolean[]> => {
    // Messages without room get no result. A message whose key is used takes room in this batch only.
    const candidates = items.slice(0, await countRoom())
    if (candidates.length === 0) return []
    let drafts: Draft[] = []
    const results = await run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
      const results = await insertRecords(db, candidates)
      drafts = candidates.filter((_, index) => results[index]).map(({ draft }) => draft)
      if (drafts.length > 0) await insertMessages(db, drafts)
      return results
    }))
    waiting += drafts.length
    app.messageWorker.wake(drafts.map(({ topicId }) => topicId))
    return results
  })

  return async (draft, record) => {
    const isAccepted = await accept({ draft, record })
    if (isAccepted === undefined) throw new BacklogFull()
    return isAccepted
  }
}

/** Returns the number of messages that wait in all topics. Stops counting at the limit. */
async function countWaiting (db: Kysely<Tables>, limit: number): Promise<number> {
  const { count } = await db.selectFrom(
    db.selectFrom('message').select('sequence').where('status', '=', sql.lit('accepted')).limit(limit).as('waiting')
  ).select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number(count)
}

const BYTES_TYPES = { sqlite: 'blob', postgresql: 'bytea' }

/** Returns a function that inserts messages in a transaction. */
function createInsertMessages ({ dialect, compile, elementsOf }: Database) {
  // The upsert locks each row until the end of the transaction. So a sequence number becomes visible only after all lower numbers.
  // All transactions lock the rows in the same order, which prevents deadlocks.
  const takeSequences = compile((db, { counts }: Parameters<{ counts: string }>) => sql<{ topicId: string, last: number | string }>`
    insert into message_sequence (topic_id, last)
    select value ->> 0, cast(value ->> 1 as bigint) from ${elementsOf(counts)} order by value ->> 0
    on conflict (topic_id) do update set last = message_sequence.last + excluded.last
    returning topic_id, last`.compile(db))

  const insert = compile((db, { messages, bodies, createAt }: Parameters<{ messages: string, bodies: Buffer, createAt: string }>) => {
    // JSON cannot contain bytes, so all bodies together are one parameter. In SQLite, substr() returns null for zero bytes.
    const all = sql`cast(${bodies} as ${sql.raw(BYTES_TYPES[dialect])})`
    const body = sql`coalesce(substr(${all}, cast(value ->> 4 as integer), cast(value ->> 5 as integer)), ${Buffer.alloc(0)})`
    return sql`
      insert into message (message_id, topic_id, media_type, sequence, body, status, create_at)
      select value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), ${body}, 'accepted', ${createAt}
      from ${elementsOf(messages)}`.compile(db)
  })

  return async (db: Kysely<Tables>, drafts: Draft[]): Promise<void> => {
    const counts = new Map<string, number>()
    for (const { topicId } of drafts) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
    const taken = await takeSequences(db, { counts: JSON.stringify([...counts]) })
    const sequences = new Map(taken.map(({ topicId, last }) => [topicId, Number(last) - counts.get(topicId)!]))

    // In SQL, the first byte has the index 1.
    let start = 1
    const rows = drafts.map(({ messageId, topicId, mediaType, body }) => {
      const sequence = sequences.get(topicId)! + 1
      sequences.set(topicId, sequence)
      const row = [messageId, topicId, mediaType, sequence, start, body.length] as const
      start += body.length
      return row
    })
    const bodies = Buffer.concat(drafts.map(({ body }) => body))
    await insert(db, { messages: JSON.stringify(rows), bodies, createAt: new Date().toISOString() })
  }
}
