import { Type } from '@sinclair/typebox'
import { LINE, TEXT } from './characters.js'
import { Id, OwnId } from './id.js'
import { Filter, Page } from './page.js'

const Timestamp = (description: string) => Type.String({
  format: 'date-time',
  description: `${description}, ISO 8601 with its time zone, read to the millisecond`
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
  description: 'What the topic is for',
  examples: ['An order was placed and paid']
})

const MediaType = Type.String({
  maxLength: 256,
  description: 'The media type of its messages: type/subtype, and parameters if any',
  examples: ['application/json']
})

/** A topic. */
export const Topic = Type.Object({
  topicId: OwnId('EBT'),
  name: Type.String({ description: 'Its name, unique among the topics that are not deleted', examples: ['orders.created'] }),
  description: Description,
  mediaType: MediaType,
  createAt: Type.String({
    format: 'date-time',
    description: 'When it was created, UTC',
    examples: ['2025-08-19T09:30:00.000Z']
  }),
  deleteAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
    description: 'When it was deleted, UTC; null if it is not deleted',
    examples: [null]
  })
}, { description: 'A topic' })

/** The request body that creates a topic. */
export const NewTopic = Type.Object({
  name: Name('A name that no topic has; upper and lower case differ'),
  description: Description,
  mediaType: MediaType
}, { additionalProperties: false, description: 'A topic to create' })

/** The path parameters of a route of one topic. */
export const TopicParams = Type.Object({ topicId: Id('EBT', 'The topic') })

/** The query of the list of topics. */
export const TopicQuery = Type.Object({
  name: Filter(Name('Part of the name; upper and lower case differ')),
  startDate: Filter(Timestamp('Created at this time or later')),
  endDate: Filter(Timestamp('Created before this time')),
  beforeId: Filter(Id('EBT', 'Only topics newer than this one, the nearest of them; with afterId, those between the two')),
  afterId: Filter(Id('EBT', 'Only topics older than this one, the nearest of them')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The most topics in the page' })
}, { additionalProperties: false })

/** A page of topics. */
export const TopicPage = Page(Topic)
