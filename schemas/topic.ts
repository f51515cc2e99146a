import { Type } from '@sinclair/typebox'
import { LINE, TEXT } from './characters.js'
import { Id, OwnId } from './id.js'
import { Filter, Page } from './page.js'

const Timestamp = (description: string) => Type.String({
  format: 'date-time',
  description: `${description}. ISO 8601 with a time zone; digits after the millisecond are ignored`
})

const Name = (description: string) => Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: LINE,
  description,
  examples: ['orders.created']
})

const Description = Type.String({
  maxLength: 4096,
  pattern: TEXT,
  description: 'The purpose of the topic',
  examples: ['An order was placed and paid']
})

const MediaType = Type.String({
  maxLength: 256,
  description: 'The media type of the messages: type/subtype, with optional parameters',
  examples: ['application/json']
})

/** A topic. */
export const Topic = Type.Object({
  topicId: OwnId('EBT'),
  name: Type.String({ description: 'The name, unique among the topics that are not deleted', examples: ['orders.created'] }),
  description: Description,
  mediaType: MediaType,
  createAt: Type.String({
    format: 'date-time',
    description: 'When the topic was created, UTC',
    examples: ['2025-08-19T09:30:00.000Z']
  }),
  deleteAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
    description: 'When the topic was deleted, UTC; null if it is not deleted',
    examples: [null]
  })
}, { description: 'A topic' })

/** The request body that creates a topic. */
export const NewTopic = Type.Object({
  name: Name('A name that no other topic has. Names are case-sensitive'),
  description: Description,
  mediaType: MediaType
}, { additionalProperties: false, description: 'A topic to create' })

/** The path parameters of a route of one topic. */
export const TopicParams = Type.Object({ topicId: Id('EBT', 'The topic') })

/** The query of the list of topics. */
export const TopicQuery = Type.Object({
  name: Filter(Name('A part of the name. Case-sensitive')),
  startDate: Filter(Timestamp('Created at this time or later')),
  endDate: Filter(Timestamp('Created before this time')),
  beforeId: Filter(Id('EBT', 'Returns the nearest topics that are newer than this one. With afterId: the topics between the two')),
  afterId: Filter(Id('EBT', 'Returns the nearest topics that are older than this one')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The maximum number of topics in the page' })
}, { additionalProperties: false })

/** A page of topics. */
export const TopicPage = Page(Topic)
