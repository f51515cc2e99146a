import type { Static } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import type { Message, MessagePage, MessageQuery } from '../../../schemas/message.js'
import type { NewRecord } from '../../idempotency/index.js'
import { createAccept, createDraft, type Draft } from './accept.js'
import { findMessage, listMessages } from './read.js'

/** The options of the plugin. */
export interface MessageOptions {
  /** The maximum number of messages that wait to be stored, of all processes on the database. Default: 100,000. */
  messageBacklog?: number
}

/** The decorator `app.messages`: the messages of all topics. */
export interface Messages {
  /** Returns a message with a new id. The message is not accepted yet. */
  createDraft (message: Omit<Draft, 'messageId'>): Draft
  /**
   * Accepts a message. After that, the message is durable, and its place is after all earlier messages of its topic.
   *
   * @param record the idempotency record of the request. It is inserted in the same transaction
   * @returns false if the idempotency key is used already; then the message is not accepted
   * @throws {BacklogFull} if too many messages wait to be stored
   */
  accept (draft: Draft, record?: NewRecord): Promise<boolean>
  /** Returns the message with this id; `undefined` if there is none. */
  find (messageId: string): Promise<Static<typeof Message> | undefined>
  /** Returns a page of the stored messages of a topic; `undefined` if a cursor is not one of these messages. */
  list (topicId: string, query: Static<typeof MessageQuery>): Promise<Static<typeof MessagePage> | undefined>
}

declare module 'fastify' {
  interface FastifyInstance { messages: Messages }
}

/**
 * Adds the decorator `app.messages`.
 *
 * @throws {RangeError} for a `messageBacklog` that is not a whole number of at least 0
 */
export default fp<MessageOptions>(async function messages (app, { messageBacklog = 100_000 }) {
  if (!Number.isInteger(messageBacklog) || messageBacklog < 0) {
    throw new RangeError(`fastify-reason-phrase: MESSAGE_BACKLOG must be a number of messages, 0 or more, not ${messageBacklog}`)
  }
  const { run } = app.database

  app.decorate<Messages>('messages', {
    createDraft,
    accept: createAccept(app, messageBacklog),
    find: messageId => run(db => findMessage(db, messageId)),
    list: (topicId, query) => run(db => listMessages(db, topicId, query))
  })
}, { name: 'messages', dependencies: ['database', 'idempotency', 'message-worker'] })
