import type { Database } from './database.js'

/** Returns the ids of the topics and messages in the database, by the subjects of the operations. */
export async function readEffects ({ query }: Database): Promise<Map<string, string[]>> {
  const effects = new Map<string, string[]>()
  function add (subject: string, id: unknown): void {
    effects.set(subject, [...effects.get(subject) ?? [], String(id)])
  }
  for (const { topic_id: id, name, delete_at: deleteAt } of await query('select topic_id, name, delete_at from topic')) {
    add(String(name), id)
    if (deleteAt !== null) add(`deletion of ${String(id)}`, id)
  }
  for (const { message_id: id, body } of await query('select message_id, body from message')) {
    add(JSON.parse(Buffer.from(body as ArrayBuffer).toString()).operation, id)
  }
  return effects
}
