import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { DatabaseUnavailable } from '../database/errors.js'
import { processTopics } from './process-topics.js'
import { createQueries } from './queries.js'

/** The decorator `app.messageWorker`. */
export interface MessageWorker {
  /** Starts the worker if it is not running. The given topics are processed first. */
  wake (topicIds?: Iterable<string>): void
}

declare module 'fastify' {
  interface FastifyInstance { messageWorker: MessageWorker }
}

// A transaction processes at most this many of the topics that were woken last, and at most this many topics in turn. So a new
// message does not wait for the backlog of other topics, and no topic waits forever.
const MAX_TOPICS = 100

/** The maximum number of woken topics to remember. Other topics are processed in turn. */
const MAX_WOKEN_TOPICS = 1_000

/** After this many errors in a row, the database is assumed to be the cause, and not a topic. */
const MAX_ERRORS_IN_A_ROW = 3

// The pause between two searches for messages that other processes left. While the worker fails, the pause grows to the maximum.
const POLL_INTERVAL_MS = 1_000
const MAX_POLL_INTERVAL_MS = 30_000

/** The errors of one run of the worker. */
interface Errors {
  first?: unknown
  /** The number of errors since the last transaction that succeeded. */
  inARow: number
}

/**
 * Stores accepted messages in their topics while the service runs. Only one worker of all processes works on a topic at a time.
 * If a worker stops, another one continues.
 */
export default fp(async function messageWorker (app) {
  const { database } = app
  const queries = createQueries(database)

  let isStopping = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let pollInterval = POLL_INTERVAL_MS
  let isFailing = false

  // The topics with newly accepted messages, the newest last.
  let woken = new Set<string>()
  // The id of the last topic that was processed in this turn; empty at the start of a turn.
  let cursor = ''
  // The topics of failed transactions. Each is processed alone, so that a bad topic does not block the others.
  const isolated: string[] = []

  const hasMoreTopics = () => cursor !== '' || woken.size > 0 || isolated.length > 0

  /** Returns the topics of the next transaction. */
  async function takeTopics (): Promise<string[]> {
    const topicId = isolated.shift()
    if (topicId !== undefined) return [topicId]
    const waiting = await database.run(db => queries.selectWaitingTopics(db, { afterId: cursor, limit: MAX_TOPICS }))
    const inTurn = waiting.map(({ topicId }) => topicId)
    cursor = inTurn.length === MAX_TOPICS ? inTurn.at(-1)! : ''
    const taken = new Set([...woken].slice(-MAX_TOPICS).concat(inTurn))
    for (const topicId of taken) woken.delete(topicId)
    return [...taken]
  }

  /** Runs one transaction. Returns whether it processed any message. */
  async function processNextTopics (errors: Errors): Promise<boolean> {
    // SQLite queries are synchronous. Wait for one turn of the event loop, so that requests are processed in between.
    await setImmediate()
    const topicIds = await takeTopics()
    if (isStopping || topicIds.length === 0) return false
    try {
      const { hasProgress, unfinished } = await processTopics(database, queries, topicIds)
      errors.inARow = 0
      // Within a turn, unfinished topics are processed again before the next turn, but after topics with new messages.
      if (cursor !== '') woken = new Set([...unfinished, ...woken])
      return hasProgress
    } catch (error) {
      if (topicIds.length > 1) isolated.push(...topicIds)
      errors.first ??= error
      if (error instanceof DatabaseUnavailable || ++errors.inARow === MAX_ERRORS_IN_A_ROW) throw error
      return false
    }
  }

  /** Processes messages until none is left that this worker can process, and schedules the next run. */
  async function work (): Promise<void> {
    clearTimeout(timer)
    const errors: Errors = { inARow: 0 }
    let hasProgress = false
    try {
      let isAnotherTurnNeeded: boolean
      do {
        // A complete turn goes from the first topic to the last. If this turn began in the middle, another one is needed.
        isAnotherTurnNeeded = cursor !== ''
        do {
          if (await processNextTopics(errors)) isAnotherTurnNeeded = hasProgress = true
          if (isStopping) return
        } while (hasMoreTopics())
      } while (isAnotherTurnNeeded)
      if (errors.first !== undefined) throw errors.first
      if (isFailing) app.log.info('Messages are stored again')
      isFailing = false
      pollInterval = POLL_INTERVAL_MS
    } catch (error) {
      if (!isFailing) app.log.error(error, 'Accepted messages wait until they can be stored')
      isFailing = true
      pollInterval = hasProgress ? POLL_INTERVAL_MS : Math.min(pollInterval * 2, MAX_POLL_INTERVAL_MS)
    }
    running = undefined
    if (!isStopping) timer = setTimeout(wake, pollInterval).unref()
  }

  function wake (topicIds: Iterable<string> = []): void {
    for (const topicId of topicIds) {
      // Delete the entry first: adding it again would not move it to the end of the Set.
      woken.delete(topicId)
      woken.add(topicId)
    }
    for (const topicId of woken) {
      if (woken.size <= MAX_WOKEN_TOPICS) break
      woken.delete(topicId)
    }
    if (!isStopping) running ??= work()
  }

  app.decorate<MessageWorker>('messageWorker', { wake })
  app.addHook('onReady', async () => wake())
  app.addHook('preClose', async () => {
    isStopping = true
    clearTimeout(timer)
  })
  app.addHook('onClose', () => running)
}, { name: 'message-worker', dependencies: ['database'] })
