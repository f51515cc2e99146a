import type { Database } from '../database/index.js'
import { failMessages, selectNextMessages, storeMessages } from './queries.js'

/** The most messages of a topic that one transaction processes when it has no other topic. Several topics share them. */
const MAX_BATCH_SIZE = 500

/** The least of them that each topic gets. */
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
export async function processTopics ({ dialect, run }: Database, topicIds: string[]): Promise<ProcessedTopics> {
  return await run(db => db.transaction().setIsolationLevel('read committed').execute(async db => {
    const topics = await db.selectFrom('topic').select(['topicId', 'deleteAt'])
      .where('topicId', 'in', topicIds)
      // In SQLite, a transaction locks the whole database.
      .$if(dialect === 'postgresql', query => query.forUpdate().skipLocked())
      .execute()
    const deleted = new Set(topics.filter(({ deleteAt }) => deleteAt !== null).map(({ topicId }) => topicId))
    const limit = Math.max(Math.floor(MAX_BATCH_SIZE / topicIds.length), MIN_MESSAGES_PER_TOPIC)
    const counts = new Map<string, number>()
    if (topics.length > 0) {
      // A separate statement sees what the last holder of each lock has committed.
      const messages = await selectNextMessages(db, topics.map(({ topicId }) => topicId), limit)
      for (const { topicId } of messages) counts.set(topicId, (counts.get(topicId) ?? 0) + 1)
      const failed = messages.filter(({ topicId }) => deleted.has(topicId))
      const stored = messages.filter(({ topicId }) => !deleted.has(topicId))
      if (stored.length > 0) await storeMessages(db, stored)
      if (failed.length > 0) await failMessages(db, failed, 'The topic was deleted')
    }
    const skipped = new Set(topicIds)
    for (const { topicId } of topics) skipped.delete(topicId)
    const full = [...counts].filter(([, count]) => count === limit).map(([topicId]) => topicId)
    return { hasProgress: counts.size > 0, unfinished: [...skipped, ...full] }
  }))
}
