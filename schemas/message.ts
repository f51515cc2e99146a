import { Type } from '@sinclair/typebox'
import { BODY_LIMIT, DEPTH_LIMIT } from '../plugins/app/messages/body.js'
import { Page } from './page.js'

const id = 'EBM-0198c0a8f00070008000000000000001'
const topicId = 'EBT-0198c0a8f00070008000000000000001'

const MessageId = (description: string) => Type.String({
  pattern: '^EBM-[0-9A-Fa-f]{32}$',
  description: `${description}; its digits in either case`,
  examples: [id]
})

const OwnId = Type.String({ description: 'EBM- and the 32 digits of a UUIDv7', examples: [id] })

const Body = Type.Unknown({
  description: 'Where the media type of the topic is application/json or ends in +json: any JSON value that reads back the ' +
    'same. Its numbers are those of IEEE 754 doubles: an integer that no double holds, or any other number of more than 17 ' +
    'digits that none holds, is refused. So is an object with two members of the same name. It is ' +
    `nested to ${DEPTH_LIMIT} levels at most. Elsewhere: its bytes in base64 (RFC 4648 section 4, padded). ` +
    `At most ${BODY_LIMIT / 1024} KiB, of the JSON text without white space in UTF-8, or of the bytes`,
  examples: [{ orderId: 7, total: 12.5 }, 'aGVsbG8=']
})

/** How far a message has come. */
export const MessageStatus = Type.Union([Type.Literal('accepted'), Type.Literal('stored'), Type.Literal('failed')], {
  description: 'accepted: it waits, and is not lost; stored: it is in its topic, for good; failed: it never will be',
  examples: ['stored']
})

/** A message. */
export const Message = Type.Object({
  messageId: OwnId,
  topicId: Type.String({ description: 'The topic that it was sent to', examples: [topicId] }),
  mediaType: Type.String({ description: 'Its media type: its own if it came with one, else that of the topic', examples: ['application/json'] }),
  status: MessageStatus,
  position: Type.Optional(Type.Integer({
    minimum: 1,
    description: 'Once it is stored, its place in the topic: 1, 2, 3 and so on without gaps, in the order of acceptance',
    examples: [1]
  })),
  reason: Type.Optional(Type.String({ description: 'If it failed, why', examples: ['The topic was deleted'] })),
  createAt: Type.String({
    format: 'date-time',
    description: 'When it was accepted, UTC',
    examples: ['2025-08-19T09:30:00.000Z']
  }),
  body: Body
}, { description: 'A message' })

/** What a client sends. */
export const NewMessage = Type.Object({
  mediaType: Type.Optional(Type.String({
    maxLength: 256,
    description: 'Its media type, which must be that of the topic, parameters included; that of the topic unless given',
    examples: ['application/json']
  })),
  body: Body
}, { additionalProperties: false, description: 'A message to accept' })

/** A message that is durable, and waits to be stored in its topic. */
export const AcceptedMessage = Type.Object({
  messageId: OwnId,
  status: Type.Literal('accepted')
}, {
  description: 'A message that will be stored in its topic, unless the topic is deleted before',
  examples: [{ messageId: id, status: 'accepted' }]
})

/** The path of one message. */
export const MessageParams = Type.Object({ messageId: MessageId('The message') })

/** Which stored messages of a topic to list. */
export const MessageQuery = Type.Object({
  beforeId: Type.Optional(MessageId('Only messages before this one, the nearest of them; with afterId, those between the two')),
  afterId: Type.Optional(MessageId('Only messages after this one, the nearest of them')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The most messages in the answer. It has fewer where their bodies are large' })
}, { additionalProperties: false })

/** A page of stored messages. */
export const MessagePage = Page(Message, { first: 'by position, the lowest first', before: 'earlier', after: 'later' })
