import type { Static } from '@sinclair/typebox'
import type { ColumnType } from 'kysely'
import type { MessageStatus } from '../../../schemas/message.js'
import type { Topic } from '../../../schemas/topic.js'

/** The tables of the database. Their columns are in snake case there, and in camel case here. */
export interface Tables {
  topic: Static<typeof Topic>
  message: MessageTable
  messageSequence: MessageSequenceTable
  maintenance: MaintenanceTable
}

/**
 * A column of PostgreSQL's type `bigint`, which pg reads as text, because a number cannot hold each of its values. It
 * can hold each value of these columns.
 */
type BigInteger = ColumnType<number | string, number>

/** The accepted messages, whatever became of them. */
export interface MessageTable {
  messageId: string
  topicId: string
  mediaType: string
  /** The bytes: a Buffer from PostgreSQL, an ArrayBuffer from SQLite. */
  body: ColumnType<Buffer | ArrayBuffer, Buffer>
  /** The place in the order in which the topic accepted its messages. */
  sequence: BigInteger
  status: Static<typeof MessageStatus>
  /** The place among the stored messages of the topic, from 1 on. */
  position: ColumnType<number | string | null>
  /** Why the message failed. */
  reason: string | null
  createAt: string
}

/** The sequence number of the last message that each topic accepted. */
export interface MessageSequenceTable {
  topicId: string
  last: BigInteger
}

/** The maintenance of the service: one row while it is on, none while it is off. */
export interface MaintenanceTable {
  id: 1
  message: string
  since: string
  until: string | null
  retryAfter: number | null
}
