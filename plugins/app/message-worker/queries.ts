import { sql, type Kysely, type Transaction } from 'kysely'
import type { Tables } from '../database/tables.js'

/** A message that is next to be stored in its topic. */
export interface NextMessage {
  messageId: string
  topicId: string
  /** The position of the last stored message of the topic, or `null` where there is none. */
  last: number | string | null
}

/**
 * Returns the ids of the next topics that have waiting messages, in the order of the ids.
 *
 * The recursion looks once at an index for each topic. So the number of waiting messages does not matter.
 *
 * @param afterId the id after which to begin
 */
export async function selectWaitingTopics (db: Kysely<Tables>, afterId: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ topicId: string }>`with recursive waiting (topic_id, place) as (
    select (select topic_id from message where status = 'accepted' and topic_id > ${afterId} order by topic_id limit 1), 1
    union all
    select (select topic_id from message where status = 'accepted' and topic_id > waiting.topic_id order by topic_id limit 1), place + 1
    from waiting where topic_id is not null and place < ${sql.lit(limit)}
  ) select topic_id from waiting where topic_id is not null`.execute(db)
  return rows.map(({ topicId }) => topicId)
}

/** Returns the next messages of each topic in the order of acceptance, so many of each topic at most. */
export async function selectNextMessages (db: Transaction<Tables>, topicIds: string[], limit: number): Promise<NextMessage[]> {
  // The sequence numbers of waiting messages have no gaps, so that a range of them is a number of messages.
  const { rows } = await sql<NextMessage>`with head as materialized (
    select topic_id,
      (select min(sequence) from message where message.topic_id = topic.topic_id and status = 'accepted') as first,
      (select max(position) from message where message.topic_id = topic.topic_id and position is not null) as last
    from topic where topic_id in (${sql.join(topicIds)})
  ) select message.message_id, message.topic_id, head.last
    from head join message on message.topic_id = head.topic_id and message.status = 'accepted' and message.sequence < head.first + ${sql.lit(limit)}
    order by message.topic_id, message.sequence`.execute(db)
  return rows
}

/** Gives each message the next position of its topic, and the status `stored`. */
export async function storeMessages (db: Transaction<Tables>, messages: NextMessage[]): Promise<void> {
  const positions = new Map<string, number>()
  const rows = messages.map(({ messageId, topicId, last }) => {
    const position = (positions.get(topicId) ?? Number(last)) + 1
    positions.set(topicId, position)
    return sql`(${messageId}, cast(${position} as bigint))`
  })
  await sql`with batch (message_id, position) as (values ${sql.join(rows)})
    update message set status = 'stored', position = batch.position from batch where message.message_id = batch.message_id`.execute(db)
}

/** Gives each message the status `failed`, with a reason. */
export async function failMessages (db: Transaction<Tables>, messages: NextMessage[], reason: string): Promise<void> {
  await db.updateTable('message')
    .set({ status: 'failed', reason })
    .where('messageId', 'in', messages.map(({ messageId }) => messageId))
    .execute()
}
