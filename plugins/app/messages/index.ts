import { setImmediate } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import { sql, type Kysely, type Selectable } from 'kysely'
import { v7 as uuid } from 'uuid'
import { isJson } from '../../../lib/media-type.js'
import { ServiceUnavailable } from '../../../lib/service-unavailable.js'
import type { Message, MessagePage, MessageQuery } from '../../../schemas/message.js'
import type { MessageTable, Tables } from '../database/index.js'
import { stored } from '../topics/index.js'

/** How messages are taken in. */
export interface MessageOptions {
  /** The most messages that wait to be stored, of all processes on the database: 100,000 by default. */
  messageBacklog?: number
}

/** A message to accept. */
export interface Draft {
  topicId: string
  mediaType: string
  body: Buffer
}

/** The messages of the topics. */
export interface Messages {
  /**
   * Accepts a message: it is durable, and after every message of its topic that was accepted before.
   *
   * @returns its id
   * @throws {BacklogFull} while too many wait
   */
  accept (draft: Draft): Promise<string>
  /** The message of an id, if there is one. */
  find (messageId: string): Promise<Static<typeof Message> | undefined>
  /** A page of the stored messages of a topic; undefined for a cursor that is none of them. */
  list (topicId: string, query: Static<typeof MessageQuery>): Promise<Static<typeof MessagePage> | undefined>
}

declare module 'fastify' {
  interface FastifyInstance { messages: Messages }
}

/** Too many messages wait: a 503 whose message is fit for clients. */
export class BacklogFull extends ServiceUnavailable {
  constructor () {
    super('Too many messages wait to be stored')
  }
}

/** The most messages that are accepted in one transaction. */
const BATCH = 100

// A count of what waits is good for so many milliseconds while there is room for so many messages more, which all
// processes together do not accept in that time. It is kept exact near the limit.
const COUNT_AGE = 1_000
const AMPLE_ROOM = 10_000

/** The bytes of bodies that a page does not exceed, unless it is of one message. */
const PAGE_BYTES = 4 * 1024 * 1024

interface Pending extends Draft {
  resolve (messageId: string): void
  reject (error: unknown): void
}

/** How many messages wait, in all topics, counted up to a limit. */
async function countWaiting (db: Kysely<Tables>, limit: number): Promise<number> {
  const { count } = await db.selectFrom(
    db.selectFrom('message').select('sequence').where('status', '=', sql.lit('accepted')).limit(limit).as('waiting')
  ).select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number(count)
}

/** The numbers of messages in the order of acceptance in each topic, one for each id. */
async function number (db: Kysely<Tables>, topicIds: string[]): Promise<number[]> {
  const counts = new Map<string, number>()
  for (const topicId of topicIds) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
  // Each row is locked until the end of the transaction, so a number is visible only after every lower one. The order
  // of the rows keeps transactions from waiting for each other.
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

function payloadOf ({ body, mediaType, messageId, topicId, status, position, reason, createAt }: Selectable<MessageTable>): Static<typeof Message> {
  const bytes = Buffer.from(body as ArrayBuffer)
  return {
    messageId,
    topicId,
    mediaType,
    status,
    ...(position !== null && { position: Number(position) }),
    ...(reason !== null && { reason }),
    createAt,
    body: isJson(mediaType) ? JSON.parse(bytes.toString()) : bytes.toString('base64')
  }
}

/** Decorates the service with the messages of its topics. */
export default fp<MessageOptions>(async function messages (app, { messageBacklog = 100_000 }) {
  if (!Number.isInteger(messageBacklog) || messageBacklog < 0) {
    throw new RangeError(`fastify-reason-phrase: MESSAGE_BACKLOG must be a number of messages, 0 or more, not ${messageBacklog}`)
  }
  const { run } = app.database

  // What comes in while a transaction is under way goes into the next one together: a commit for each would take the
  // time of a disk for each.
  const pending: Pending[] = []
  let running = false

  const insert = (batch: Pending[]) => run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
    const sequences = await number(db, batch.map(({ topicId }) => topicId))
    const createAt = new Date().toISOString()
    const rows = batch.map(({ topicId, mediaType, body }, index) => ({
      messageId: `EBM-${uuid().replaceAll('-', '')}`,
      topicId,
      mediaType,
      body,
      sequence: sequences[index],
      status: 'accepted' as const,
      createAt
    }))
    await db.insertInto('message').values(rows).execute()
    return rows
  }))

  // What waited when it was last counted, and what was accepted here since.
  let waiting = 0
  let countedAt = -Infinity

  /** How many more messages may wait. */
  async function room (): Promise<number> {
    const now = performance.now()
    if (now - countedAt > COUNT_AGE || messageBacklog - waiting < AMPLE_ROOM) {
      waiting = await run(db => countWaiting(db, messageBacklog))
      countedAt = now
    }
    return messageBacklog - waiting
  }

  async function acceptBatch (batch: Pending[]) {
    try {
      for (const { reject } of batch.splice(await room())) reject(new BacklogFull())
      if (batch.length === 0) return
      const rows = await insert(batch)
      waiting += rows.length
      app.messageWorker.wake(rows.map(({ topicId }) => topicId))
      batch.forEach(({ resolve }, index) => resolve(rows[index].messageId))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async function acceptPending () {
    running = true
    while (pending.length > 0) {
      // SQLite answers at once, before the next request is read.
      await setImmediate()
      await acceptBatch(pending.splice(0, BATCH))
    }
    running = false
  }

  app.decorate<Messages>('messages', {
    accept: draft => new Promise((resolve, reject) => {
      pending.push({ ...draft, resolve, reject })
      if (!running) acceptPending()
    }),

    find: messageId => run(async db => {
      const row = await db.selectFrom('message').selectAll().where('messageId', '=', stored(messageId)).executeTakeFirst()
      return row && payloadOf(row)
    }),

    list: (topicId, { beforeId, afterId, limit }) => run(async db => {
      const inTopic = db.selectFrom('message').where('topicId', '=', topicId).where('position', 'is not', null)
      const positionOf = async (messageId: string) => (await inTopic.select('position').where('messageId', '=', stored(messageId)).executeTakeFirst())?.position

      let range = inTopic
      if (beforeId) {
        const position = await positionOf(beforeId)
        if (position === undefined) return
        range = range.where('position', '<', position)
      }
      if (afterId) {
        const position = await positionOf(afterId)
        if (position === undefined) return
        range = range.where('position', '>', position)
      }

      // Read from the cursor on, and one more to know whether there is more.
      const upwards = Boolean(beforeId && !afterId)
      const rows = await range.select(['position', ({ fn }) => fn<number>('octet_length', ['body']).as('size')])
        .orderBy('position', upwards ? 'desc' : 'asc')
        .limit(limit + 1)
        .execute()
      let size = 0
      const fits = rows.findIndex((row, index) => (size += row.size) > PAGE_BYTES && index > 0)
      const length = Math.min(limit, fits === -1 ? rows.length : fits)
      const ahead = rows.length > length
      // One cursor is a place in the list, with that message on its other side; two are the ends of the list.
      const behind = length > 0 && Boolean(beforeId) !== Boolean(afterId)

      const ends = rows.slice(0, length).map(({ position }) => Number(position)).sort((a, b) => a - b)
      const items = length === 0
        ? []
        : (await inTopic.selectAll()
            .where('position', '>=', ends[0])
            .where('position', '<=', ends.at(-1)!)
            .orderBy('position')
            .execute()).map(payloadOf)
      const [earlier, later] = upwards ? [ahead, behind] : [behind, ahead]
      return {
        limit,
        prevId: earlier ? items[0].messageId : null,
        nextId: later ? items.at(-1)!.messageId : null,
        items
      }
    })
  })
}, { name: 'messages', dependencies: ['database', 'message-worker', 'topics'] })
