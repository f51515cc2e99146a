import type { Static } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import { sql } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { NewTopic, Topic, TopicPage, TopicQuery } from '../../../schemas/topic.js'

/** The topics that are not deleted. */
export interface Topics {
  /** A page of the topics that the query asks for. */
  list (query: Static<typeof TopicQuery>): Promise<Static<typeof TopicPage>>
  /** Creates a topic; undefined when its name is taken. */
  create (topic: Static<typeof NewTopic>): Promise<Static<typeof Topic> | undefined>
  /** The topic of an id, if there is one. */
  find (topicId: string): Promise<Static<typeof Topic> | undefined>
  /** Deletes a topic and returns what it was, if there is one. */
  remove (topicId: string): Promise<Static<typeof Topic> | undefined>
}

declare module 'fastify' {
  interface FastifyInstance { topics: Topics }
}

/** An id as it is stored: its digits, which a client can write in either case, in lower case. */
export const stored = (id: string) => id.slice(0, 4) + id.slice(4).toLowerCase()

const timestamp = (date: string) => new Date(date).toISOString()

/** Decorates the service with its registry of topics. */
export default fp(async function topics (app) {
  const { run } = app.database

  app.decorate<Topics>('topics', {
    list: ({ name, startDate, endDate, beforeId, afterId, limit }) => run(async db => {
      let matching = db.selectFrom('topic').selectAll().where('deleteAt', 'is', null)
      // LIKE minds the case in one database and not in the other, and has wildcards.
      if (name) matching = matching.where(sql`replace(name, ${name}, '')`, '<>', sql.ref('name'))
      if (startDate) matching = matching.where('createAt', '>=', timestamp(startDate))
      if (endDate) matching = matching.where('createAt', '<', timestamp(endDate))

      let range = matching
      if (beforeId) range = range.where('topicId', '>', stored(beforeId))
      if (afterId) range = range.where('topicId', '<', stored(afterId))

      // Read from the cursor on, and one more to know whether there is more.
      const upwards = Boolean(beforeId && !afterId)
      const rows = await range.orderBy('topicId', upwards ? 'asc' : 'desc').limit(limit + 1).execute()
      const items = rows.slice(0, limit)
      const ahead = rows.length > limit

      // One cursor is a place in the list, with topics on its other side; two are the ends of the list.
      const placed = Boolean(beforeId) !== Boolean(afterId) && items.length > 0
      const behind = placed && await matching.where('topicId', upwards ? '<' : '>', items[0].topicId)
        .limit(1).executeTakeFirst() !== undefined

      if (upwards) items.reverse()
      const [newer, older] = upwards ? [ahead, behind] : [behind, ahead]
      return {
        limit,
        prevId: newer ? items[0].topicId : null,
        nextId: older ? items.at(-1)!.topicId : null,
        items
      }
    }),

    create: topic => run(db => db.insertInto('topic')
      .values({ topicId: `EBT-${uuid().replaceAll('-', '')}`, ...topic, createAt: new Date().toISOString(), deleteAt: null })
      .onConflict(conflict => conflict.column('name').where('deleteAt', 'is', null).doNothing())
      .returningAll()
      .executeTakeFirst()),

    find: topicId => run(db => db.selectFrom('topic').selectAll()
      .where('topicId', '=', stored(topicId))
      .where('deleteAt', 'is', null)
      .executeTakeFirst()),

    remove: topicId => run(db => db.updateTable('topic')
      .set({ deleteAt: new Date().toISOString() })
      .where('topicId', '=', stored(topicId))
      .where('deleteAt', 'is', null)
      .returningAll()
      .executeTakeFirst())
  })
}, { name: 'topics', dependencies: ['database'] })
