import type { Static } from '@sinclair/typebox'
import type { Kysely, Selectable } from 'kysely'
import { isJson } from '../../../lib/media-type.js'
import type { Message, MessagePage, MessageQuery } from '../../../schemas/message.js'
import { normalizeId } from '../database/ids.js'
import type { MessageTable, Tables } from '../database/tables.js'

/** The most bytes that the bodies of a page have together, unless the page has one message only. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** Returns the message with this id, or `undefined` where there is none. */
export async function findMessage (db: Kysely<Tables>, messageId: string): Promise<Static<typeof Message> | undefined> {
  const row = await db.selectFrom('message').selectAll().where('messageId', '=', normalizeId(messageId)).executeTakeFirst()
  return row && toMessage(row)
}

/**
 * Returns a page of the stored messages of a topic, or `undefined` when a cursor is not the id of a stored message of
 * that topic.
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

  // A page before a cursor is read backwards, from the cursor on. One row more tells whether there is a next page.
  const isBackwards = Boolean(beforeId && !afterId)
  const rows = await range.select(['position', ({ fn }) => fn<number>('octet_length', ['body']).as('size')])
    .orderBy('position', isBackwards ? 'desc' : 'asc')
    .limit(limit + 1)
    .execute()
  let pageBytes = 0
  const firstTooMany = rows.findIndex((row, index) => (pageBytes += row.size) > MAX_PAGE_BYTES && index > 0)
  const length = Math.min(limit, firstTooMany === -1 ? rows.length : firstTooMany)
  const hasMoreAhead = rows.length > length
  // With one cursor, its message is behind the page. With two, they are the ends of the list.
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
