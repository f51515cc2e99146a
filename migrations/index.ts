import type { Migration } from 'kysely'
import * as topic from './0001-topic.js'
import * as message from './0002-message.js'
import * as maintenance from './0003-maintenance.js'
import * as idempotency from './0004-idempotency.js'

/** The migrations by name, in the order of the names. */
export const migrations: Record<string, Migration> = {
  '0001-topic': topic,
  '0002-message': message,
  '0003-maintenance': maintenance,
  '0004-idempotency': idempotency
}
