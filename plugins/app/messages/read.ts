import type { Static } from '@sinclair/typebox'
import type { Kysely, Selectable } from 'kysely'
import { isJson } from '../../../lib/media-type.js'
import type { Message, MessagePage, MessageQuery } from '../../../schemas/message.js'
import { normalizeId } from '../database/ids.js'
import type { MessageTable, Tables } from '../database/tables.js'

/** The maximum size of all bodies of a page together, in bytes. A page with a single message may exceed it. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** Returns the message with this id; `undefined` if there is none. */
export async function findMessage (db: Kysely<Tables>, messageId: string): Promise<Static<typeof Message> | undefined> {
  const row = await db.selectFrom('message').selectAll().where('messageId', '=', normalizeId(messageId)).executeTakeFirst()
  return row && toMessage(row)
}

/**
 * Returns a page of the stored messages of a topic; `undefined` if a cursor is not the id of a stored message of this topic.
 */
export async function listMessages (
  db: Kysely<Tables>, topicId: string, { beforeId, afterId, limit }: Static<typeof MessageQuery>
): Promise<Static<typeof MessagePage> | undefined> {
  const inTopic = db.selectFrom('message').where('topicId', '=', topicId).where('position', 'is not', null)
  const findPosition = async (messageId: string) =>
    (await inTopic.select('position').where('messageId', '=', normalizeId(messageId)).executeTakeFirst())?.position

  let range = inTopic
  if (beforeId) {
    const position = await findPosition(beforeId)
    if (position === undefined) return
    range = range.where('position', '<', position)
  }
  if (afterId) {
    const position = await findPosition(afterId)
    if (position === undefined) return
    range = range.where('position', '>', position)
  }

  // A page before a cursor is read backwards from the cursor. One extra row tells whether there is another page.
  const isBackwards = Boolean(beforeId && !afterId)
  const rows = await range.select(['position', ({ fn }) => fn<number>('octet_length', ['body']).as('size')])
    .orderBy('position', isBackwards ? 'desc' : 'asc')
    .limit(limit + 1)
    .execute()
  let pageBytes = 0
  const firstTooMany = rows.findIndex((row, index) => (pageBytes += row.size) > MAX_PAGE_BYTES && index > 0)
  const length = Math.min(limit, firstTooMany === -1 ? rows.length : firstTooMany)
  const hasMoreAhead = rows.length > length
  // With one cursor, the list goes on behind the page, at the message of the cursor. With two cursors, the list ends at them.
  const hasMoreBehind = length > 0 && Boolean(beforeId) !== Boolean(afterId)

  const positions = rows.slice(0, length).map(({ position }) => Number(position)).sort((a, b) => a - b)
  const items = length === 0
    ? []
    : (await inTopic.selectAll()
        .where('position', '>=', positions[0])
        .where('position', '<=', positions.at(-1)!)
        .orderBy('position')
        .execute()).map(toMessage)
  const [hasEarlier, hasLater] = isBackwards ? [hasMoreAhead, hasMoreBehind] : [hasMoreBehind, hasMoreAhead]
  return {
    limit,
    prevId: hasEarlier ? items[0].messageId : null,
    nextId: hasLater ? items.at(-1)!.messageId : null,
    items
  }
}

function toMessage ({ body, mediaType, messageId, topicId, status, position, reason, createAt }: Selectable<MessageTable>): Static<typeof Message> {
  const bytes = Buffer.from(body as ArrayBuffer)
  return {
    messageId,
    topicId,
    mediaType,
    status,
    ...(position !== null && { position: Number(position) }),
    ...(reason !== null && { reason }),
    createAt,
    body: isJson(mediaType) ? JSON.parse(bytes.toString()) : bytes.toString('base64')
  }
}
