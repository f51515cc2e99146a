import type { Database } from '../database/index.js'
import { idsOf, positionsOf, type Queries } from './queries.js'

/** The maximum number of messages in one transaction. Its topics share this number. */
const MAX_BATCH_SIZE = 500

/** The minimum number of messages for each topic, even if the transaction then exceeds its maximum. */
const MIN_MESSAGES_PER_TOPIC = 5

/** The result of {@link processTopics}. */
export interface ProcessedTopics {
  /** Whether any message was stored, or failed. */
  hasProgress: boolean
  /** The ids of the topics that may have more waiting messages. */
  unfinished: string[]
}

/**
 * Stores the next messages of each topic in one transaction. The messages of a deleted topic fail. On PostgreSQL, topics
 * that another worker has locked are skipped.
 */
export async function processTopics ({ run }: Database, queries: Queries, topicIds: string[]): Promise<ProcessedTopics> {
  return await run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
    const topics = await queries.lockTopics(db, { topicIds: idsOf(topicIds) })
    const deleted = new Set(topics.filter(({ deleteAt }) => deleteAt !== null).map(({ topicId }) => topicId))
    const limit = Math.max(Math.floor(MAX_BATCH_SIZE / topicIds.length), MIN_MESSAGES_PER_TOPIC)
    const counts = new Map<string, number>()
    if (topics.length > 0) {
      // Use a separate statement, which sees the commits of the workers that held the locks before.
      const messages = await queries.selectNextMessages(db, { topicIds: idsOf(topics.map(({ topicId }) => topicId)), limit })
      for (const { topicId } of messages) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
      const failed = messages.filter(({ topicId }) => deleted.has(topicId))
      const stored = messages.filter(({ topicId }) => !deleted.has(topicId))
      if (stored.length > 0) await queries.storeMessages(db, { messages: positionsOf(stored) })
      if (failed.length > 0) await queries.failMessages(db, { messageIds: idsOf(failed.map(({ messageId }) => messageId)), reason: 'The topic was deleted' })
    }
    const skipped = new Set(topicIds)
    for (const { topicId } of topics) skipped.delete(topicId)
    const full = [...counts].filter(([, count]) => count === limit).map(([topicId]) => topicId)
    return { hasProgress: counts.size > 0, unfinished: [...skipped, ...full] }
  }))
}
