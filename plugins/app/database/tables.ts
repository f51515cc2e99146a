import type { Static } from '@sinclair/typebox'
import type { ColumnType } from 'kysely'
import type { MessageStatus } from '../../../schemas/message.js'
import type { Topic } from '../../../schemas/topic.js'

/** The tables of the database. The names of columns are in snake case in the database, and in camel case here. */
export interface Tables {
  topic: Static<typeof Topic>
  message: MessageTable
  messageSequence: MessageSequenceTable
  maintenance: MaintenanceTable
  idempotency: IdempotencyTable
}

/**
 * A column of PostgreSQL's type `bigint`. `pg` returns its values as strings, because a number cannot represent all of them. The
 * values of these columns are small enough for a number.
 */
type BigInteger = ColumnType<number | string, number>

/** The accepted messages: waiting, stored and failed. */
export interface MessageTable {
  messageId: string
  topicId: string
  mediaType: string
  /** The bytes: a Buffer from PostgreSQL, an ArrayBuffer from SQLite. */
  body: ColumnType<Buffer | ArrayBuffer, Buffer>
  /** The sequence number of the message in its topic, in the order of acceptance. */
  sequence: BigInteger
  status: Static<typeof MessageStatus>
  /** The position among the stored messages of the topic, from 1. Null if the message is not stored. */
  position: ColumnType<number | string | null>
  /** The reason for which the message failed. Null if it has not failed. */
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

/** The records of idempotency keys. Only the idempotency plugin reads and writes them. */
export interface IdempotencyTable {
  /** SHA-256 of the scope and the key. */
  id: ColumnType<Buffer | ArrayBuffer, Buffer>
  /** The id of the key that signed the request. */
  scope: string
  idempotencyKey: string
  /** SHA-256 of the request; null if the key was closed before its request arrived. */
  fingerprint: ColumnType<Buffer | ArrayBuffer | null, Buffer | null>
  state: 'executing' | 'succeeded' | 'rejected' | 'closed'
  status: number | null
  reason: string | null
  /** The recorded header fields, as JSON. */
  headers: string | null
  body: ColumnType<Buffer | ArrayBuffer | null, Buffer | null>
  /** When the record was inserted, in milliseconds since 1970. */
  created: BigInteger
  /** When the key was settled, in milliseconds since 1970. */
  settled: ColumnType<number | string | null, number | null>
}
