import type { Static } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import { sql, type Transaction } from 'kysely'
import type { NewTopic, Topic, TopicPage, TopicQuery } from '../../../schemas/topic.js'
import { createBatches } from '../database/batches.js'
import type { Parameters } from '../database/compile.js'
import { createId, normalizeId } from '../database/ids.js'
import type { Tables } from '../database/tables.js'

/** The decorator `app.topics`: the topics that are not deleted. */
export interface Topics {
  /** Returns a page of the topics that match the query. */
  list (query: Static<typeof TopicQuery>): Promise<Static<typeof TopicPage>>
  /**
   * Creates a topic, and returns it; `undefined` if another topic has its name.
   *
   * @param transaction the transaction of the request. Without it, the topic is committed together with other new topics
   */
  create (topic: Static<typeof NewTopic>, transaction?: Transaction<Tables>): Promise<Static<typeof Topic> | undefined>
  /** Returns the topic with this id; `undefined` if there is none. */
  find (topicId: string): Promise<Static<typeof Topic> | undefined>
  /** Deletes the topic with this id, in the given transaction if there is one. Returns the topic; `undefined` if there is none. */
  remove (topicId: string, transaction?: Transaction<Tables>): Promise<Static<typeof Topic> | undefined>
}

declare module 'fastify' {
  interface FastifyInstance { topics: Topics }
}

const toTimestamp = (date: string) => new Date(date).toISOString()

/** Adds the decorator `app.topics`. */
export default fp(async function topics (app) {
  const { run, compile, elementsOf } = app.database

  // List the columns: a statement with `*` fails on an open PostgreSQL connection after a migration has added a column.
  const COLUMNS = ['topicId', 'name', 'description', 'mediaType', 'createAt', 'deleteAt'] as const

  // All processes insert names in the same order. Otherwise, two processes that insert the same names could deadlock.
  const insertTopics = compile((db, { topics }: Parameters<{ topics: string }>) => db.insertInto('topic')
    .columns(COLUMNS)
    .expression(sql<never>`select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, null
      from ${elementsOf(topics)} order by value ->> 1, value ->> 0`)
    .onConflict(conflict => conflict.column('name').where('deleteAt', 'is', null).doNothing())
    .returning('topicId')
    .compile())

  const selectTopics = compile((db, { ids }: Parameters<{ ids: string }>) => db.selectFrom('topic').select(COLUMNS)
    .where('topicId', 'in', sql<string>`(select value ->> 0 from ${elementsOf(ids)})`)
    .where('deleteAt', 'is', null)
    .compile())

  async function createAll (drafts: Array<Static<typeof NewTopic>>, transaction?: Transaction<Tables>): Promise<Array<Static<typeof Topic> | undefined>> {
    const createAt = new Date().toISOString()
    const topics = drafts.map(draft => ({ topicId: createId('EBT'), ...draft, createAt, deleteAt: null }))
    const rows = topics.map(({ topicId, name, description, mediaType }) => [topicId, name, description, mediaType, createAt])
    const created = await run(db => insertTopics(db, { topics: JSON.stringify(rows) }), transaction)
    const ids = new Set(created.map(({ topicId }) => topicId))
    return topics.map(topic => ids.has(topic.topicId) ? topic : undefined)
  }

  const createTogether = createBatches(createAll)

  const find = createBatches(async (topicIds: string[]) => {
    const ids = [...new Set(topicIds)].map(topicId => [topicId])
    const topics = await run(db => selectTopics(db, { ids: JSON.stringify(ids) }))
    const found = new Map(topics.map(topic => [topic.topicId, topic]))
    return topicIds.map(topicId => found.get(topicId))
  })

  app.decorate<Topics>('topics', {
    list: ({ name, startDate, endDate, beforeId, afterId, limit }) => run(async db => {
      let matching = db.selectFrom('topic').selectAll().where('deleteAt', 'is', null)
      // Do not use LIKE: it has wildcards, and it is case-sensitive in PostgreSQL but not in SQLite.
      if (name) matching = matching.where(sql`replace(name, ${name}, '')`, '<>', sql.ref('name'))
      if (startDate) matching = matching.where('createAt', '>=', toTimestamp(startDate))
      if (endDate) matching = matching.where('createAt', '<', toTimestamp(endDate))

      let range = matching
      if (beforeId) range = range.where('topicId', '>', normalizeId(beforeId))
      if (afterId) range = range.where('topicId', '<', normalizeId(afterId))

      // A page before a cursor is read backwards from the cursor. One extra row tells whether there is another page.
      const isBackwards = Boolean(beforeId && !afterId)
      const rows = await range.orderBy('topicId', isBackwards ? 'asc' : 'desc').limit(limit + 1).execute()
      const items = rows.slice(0, limit)
      const hasMoreAhead = rows.length > limit

      // With one cursor, the list may go on behind the cursor. With two cursors, the list ends at them.
      const hasOneCursor = Boolean(beforeId) !== Boolean(afterId)
      const hasMoreBehind = hasOneCursor && items.length > 0 &&
        await matching.where('topicId', isBackwards ? '<' : '>', items[0].topicId).limit(1).executeTakeFirst() !== undefined

      if (isBackwards) items.reverse()
      const [hasNewer, hasOlder] = isBackwards ? [hasMoreAhead, hasMoreBehind] : [hasMoreBehind, hasMoreAhead]
      return {
        limit,
        prevId: hasNewer ? items[0].topicId : null,
        nextId: hasOlder ? items.at(-1)!.topicId : null,
        items
      }
    }),

    async create (draft, transaction) {
      if (transaction === undefined) return await createTogether(draft)
      const [topic] = await createAll([draft], transaction)
      return topic
    },

    find: topicId => find(normalizeId(topicId)),

    remove: (topicId, transaction) => run(db => db.updateTable('topic')
      .set({ deleteAt: new Date().toISOString() })
      .where('topicId', '=', normalizeId(topicId))
      .where('deleteAt', 'is', null)
      .returningAll()
      .executeTakeFirst(), transaction)
  })
}, { name: 'topics', dependencies: ['database'] })
