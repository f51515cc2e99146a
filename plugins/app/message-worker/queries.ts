import { sql } from 'kysely'
import type { Database } from '../database/index.js'
import type { Parameters } from '../database/compile.js'

/** A message to store in its topic next. */
export interface NextMessage {
  messageId: string
  topicId: string
  /** The position of the last stored message of the topic; `null` if there is none. */
  last: number | string | null
}

/** The queries of the worker. Ids and messages are a JSON array of arrays: `[[id], ...]`. */
export type Queries = ReturnType<typeof createQueries>

/** Compiles the queries of the worker. */
export function createQueries ({ dialect, compile, elementsOf }: Database) {
  return {
    /**
     * Returns the ids of the next topics with waiting messages, after `afterId`, in the order of the ids.
     *
     * The recursion looks into an index once for each topic, so its cost does not depend on the number of waiting messages.
     */
    selectWaitingTopics: compile((db, { afterId, limit }: Parameters<{ afterId: string, limit: number }>) => sql<{ topicId: string }>`
      with recursive waiting (topic_id, place) as (
        select (select topic_id from message where status = 'accepted' and topic_id > ${afterId} order by topic_id limit 1), 1
        union all
        select (select topic_id from message where status = 'accepted' and topic_id > waiting.topic_id order by topic_id limit 1), place + 1
        from waiting where topic_id is not null and place < cast(${limit} as integer)
      ) select topic_id from waiting where topic_id is not null`.compile(db)),

    /** Locks topics, and returns those that no other worker has locked. */
    lockTopics: compile((db, { topicIds }: Parameters<{ topicIds: string }>) => db.selectFrom('topic').select(['topicId', 'deleteAt'])
      .where('topicId', 'in', sql<string>`(select value ->> 0 from ${elementsOf(topicIds)})`)
      // In SQLite, a transaction locks the whole database.
      .$if(dialect === 'postgresql', query => query.forUpdate().skipLocked())
      .compile()),

    /** Returns the next messages of each topic in the order of acceptance, at most `limit` messages for each topic. */
    // The sequence numbers of waiting messages have no gaps, so a range of numbers limits the number of messages.
    selectNextMessages: compile((db, { topicIds, limit }: Parameters<{ topicIds: string, limit: number }>) => sql<NextMessage>`
      with head as materialized (
        select topic_id,
          (select min(sequence) from message where message.topic_id = topic.topic_id and status = 'accepted') as first,
          (select max(position) from message where message.topic_id = topic.topic_id and position is not null) as last
        from topic where topic_id in (select value ->> 0 from ${elementsOf(topicIds)})
      ) select message.message_id, message.topic_id, head.last
      from head join message on message.topic_id = head.topic_id and message.status = 'accepted'
        and message.sequence < head.first + cast(${limit} as bigint)
      order by message.topic_id, message.sequence`.compile(db)),

    /** Gives each message its position, and the status `stored`. A row is `[id, position]`. */
    storeMessages: compile((db, { messages }: Parameters<{ messages: string }>) => sql`
      update message set status = 'stored', position = batch.position
      from (select value ->> 0 as message_id, cast(value ->> 1 as bigint) as position from ${elementsOf(messages)}) as batch
      where message.message_id = batch.message_id`.compile(db)),

    /** Gives each message the status `failed`, with a reason. */
    failMessages: compile((db, { messageIds, reason }: Parameters<{ messageIds: string, reason: string }>) => db.updateTable('message')
      .set({ status: 'failed', reason })
      .where('messageId', 'in', sql<string>`(select value ->> 0 from ${elementsOf(messageIds)})`)
      .compile())
  }
}

/** Returns a JSON array with an array for each message: the id, and the next position in its topic. */
export function positionsOf (messages: NextMessage[]): string {
  const positions = new Map<string, number>()
  return JSON.stringify(messages.map(({ messageId, topicId, last }) => {
    const position = (positions.get(topicId) ?? Number(last)) + 1
    positions.set(topicId, position)
    return [messageId, position]
  }))
}

/** Returns a JSON array with an array for each id. */
export function idsOf (ids: string[]): string {
  return JSON.stringify(ids.map(id => [id]))
}
