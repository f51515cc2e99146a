import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { sql, type Kysely } from 'kysely'
import { ServiceUnavailable } from '../../../lib/service-unavailable.js'
import { createId } from '../database/ids.js'
import type { Tables } from '../database/tables.js'

/** A message to accept. */
export interface Draft {
  topicId: string
  mediaType: string
  body: Buffer
}

/** The error of a backlog that has no room: a 503 with a public message. */
export class BacklogFull extends ServiceUnavailable {
  constructor () {
    super('Too many messages wait to be stored')
  }
}

interface PendingDraft extends Draft {
  resolve (messageId: string): void
  reject (error: unknown): void
}

/** The most messages that are accepted in one transaction. */
const MAX_BATCH_SIZE = 100

// A count of the backlog is used for so long while it leaves room for so many messages, because all processes together
// do not accept that many in that time. Near the limit, each batch counts anew.
const MAX_COUNT_AGE_MS = 1_000
const AMPLE_ROOM = 10_000

/**
 * Returns a function that accepts a message and resolves to its id.
 *
 * Messages that arrive during a transaction go into the next one together, because a commit for each message would
 * wait for the disk for each message.
 *
 * @param messageBacklog the most messages that wait to be stored
 */
export function createAccept (app: FastifyInstance, messageBacklog: number): (draft: Draft) => Promise<string> {
  const { run } = app.database
  const pending: PendingDraft[] = []
  let isRunning = false

  // The last count of the backlog, and the messages that this process has accepted since.
  let waiting = 0
  let countedAt = -Infinity

  /** Returns how many more messages may wait. */
  async function countRoom (): Promise<number> {
    const now = performance.now()
    if (now - countedAt > MAX_COUNT_AGE_MS || messageBacklog - waiting < AMPLE_ROOM) {
      waiting = await run(db => countWaiting(db, messageBacklog))
      countedAt = now
    }
    return messageBacklog - waiting
  }

  async function acceptBatch (batch: PendingDraft[]): Promise<void> {
    try {
      for (const { reject } of batch.splice(await countRoom())) reject(new BacklogFull())
      if (batch.length === 0) return
      const rows = await run(db => db.transaction().setIsolationLevel('read committed').execute(db => insertMessages(db, batch)))
      waiting += rows.length
      app.messageWorker.wake(rows.map(({ topicId }) => topicId))
      batch.forEach(({ resolve }, index) => resolve(rows[index].messageId))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async function acceptPending (): Promise<void> {
    isRunning = true
    while (pending.length > 0) {
      // SQLite answers synchronously, so that no other request would be read before the transaction.
      await setImmediate()
      await acceptBatch(pending.splice(0, MAX_BATCH_SIZE))
    }
    isRunning = false
  }

  return draft => new Promise((resolve, reject) => {
    pending.push({ ...draft, resolve, reject })
    if (!isRunning) acceptPending()
  })
}

/** Returns how many messages wait in all topics, counted up to a limit. */
async function countWaiting (db: Kysely<Tables>, limit: number): Promise<number> {
  const { count } = await db.selectFrom(
    db.selectFrom('message').select('sequence').where('status', '=', sql.lit('accepted')).limit(limit).as('waiting')
  ).select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number(count)
}

async function insertMessages (db: Kysely<Tables>, drafts: Draft[]) {
  const sequences = await takeSequences(db, drafts.map(({ topicId }) => topicId))
  const createAt = new Date().toISOString()
  const rows = drafts.map(({ topicId, mediaType, body }, index) => ({
    messageId: createId('EBM'),
    topicId,
    mediaType,
    body,
    sequence: sequences[index],
    status: 'accepted' as const,
    createAt
  }))
  await db.insertInto('message').values(rows).execute()
  return rows
}

/** Takes the next sequence number of the topic for each of the ids. */
async function takeSequences (db: Kysely<Tables>, topicIds: string[]): Promise<number[]> {
  const counts = new Map<string, number>()
  for (const topicId of topicIds) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
  // The upsert locks each row until the end of the transaction, so that a sequence number is visible only after every
  // lower one. All transactions lock the rows in the same order, which prevents deadlocks.
  const rows = await db.insertInto('messageSequence')
    .values([...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([topicId, last]) => ({ topicId, last })))
    .onConflict(conflict => conflict.column('topicId').doUpdateSet(({ eb, ref }) => ({
      last: eb(ref('messageSequence.last'), '+', ref('excluded.last'))
    })))
    .returningAll()
    .execute()

  const taken = new Map(rows.map(({ topicId, last }) => [topicId, Number(last) - counts.get(topicId)!]))
  return topicIds.map(topicId => {
    const sequence = taken.get(topicId)! + 1
    taken.set(topicId, sequence)
    return sequence
  })
}
