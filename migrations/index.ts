import type { Migration } from 'kysely'
import * as topic from './0001-topic.js'

/** Every migration by its name, in the order of the names. */
export const migrations: Record<string, Migration> = {
  '0001-topic': topic
}
