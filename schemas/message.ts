import { Type } from '@sinclair/typebox'
import { Id, OwnId } from './id.js'
import { MessageBody } from './message-body.js'
import { BY_POSITION, Filter, Page } from './page.js'
import { Topic } from './topic.js'

const MessageId = OwnId('EBM')

/** The status of a message. */
export const MessageStatus = Type.Union([Type.Literal('accepted'), Type.Literal('stored'), Type.Literal('failed')], {
  description: 'accepted: the message is durable, and waits to be stored; stored: the message is in its topic; failed: the message will never be stored',
  examples: ['stored']
})

/** A message. */
export const Message = Type.Object({
  messageId: MessageId,
  topicId: Type.String({ description: 'The topic of the message', examples: Topic.properties.topicId.examples }),
  mediaType: Type.String({ description: 'The media type of the message. Without one in the request, the media type of the topic', examples: ['application/json'] }),
  status: MessageStatus,
  position: Type.Optional(Type.Integer({
    minimum: 1,
    description: 'The place of a stored message in its topic: 1, 2, 3 and so on without gaps, in the order of acceptance',
    examples: [1]
  })),
  reason: Type.Optional(Type.String({ description: 'Why the message failed', examples: ['The topic was deleted'] })),
  createAt: Type.String({
    format: 'date-time',
    description: 'When the message was accepted, UTC',
    examples: ['2025-08-19T09:30:00.000Z']
  }),
  body: MessageBody
}, { description: 'A message' })

/** The request body that sends a message. */
export const NewMessage = Type.Object({
  mediaType: Type.Optional(Type.String({
    maxLength: 256,
    description: 'The media type of the message. It must equal the media type of the topic, including the parameters. Default: the media type of the topic',
    examples: ['application/json']
  })),
  body: MessageBody
}, { additionalProperties: false, description: 'A message to accept' })

/** The response to a message that is durable, and waits to be stored in its topic. */
export const AcceptedMessage = Type.Object({
  messageId: MessageId,
  status: Type.Literal('accepted')
}, {
  description: 'A message that will be stored in its topic, unless the topic is deleted before',
  examples: [{ messageId: MessageId.examples[0], status: 'accepted' }]
})

/** The path parameters of a route of one message. */
export const MessageParams = Type.Object({ messageId: Id('EBM', 'The message') })

/** The query of the list of stored messages. */
export const MessageQuery = Type.Object({
  beforeId: Filter(Id('EBM', 'Returns the nearest messages before this one. With afterId: the messages between the two')),
  afterId: Filter(Id('EBM', 'Returns the nearest messages after this one')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The maximum number of messages in the page. A page has fewer messages if their bodies are large' })
}, { additionalProperties: false })

/** A page of stored messages. */
export const MessagePage = Page(Message, BY_POSITION)
