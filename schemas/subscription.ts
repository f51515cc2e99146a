import { Type } from '@sinclair/typebox'
import { Id, OwnId } from './id.js'
import { Filter, Page } from './page.js'
import { Topic } from './topic.js'

const Url = Type.String({
  format: 'uri',
  pattern: '^https://',
  maxLength: 2048,
  description: 'The https URL to which the messages of the topic are sent, by POST',
  examples: ['https://example.com/orders']
})

/** A subscription to a topic. */
export const Subscription = Type.Object({
  subscriptionId: OwnId('EBS'),
  topicId: Topic.properties.topicId,
  url: Url,
  createAt: Type.String({ format: 'date-time', description: 'When the subscription was created, UTC', examples: ['2025-08-19T09:30:00.000Z'] }),
  deleteAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
    description: 'When the subscription was deleted, UTC; null if it is not deleted',
    examples: [null]
  })
}, { description: 'A subscription to a topic' })

/** The request body that subscribes to a topic. */
export const NewSubscription = Type.Object({ url: Url }, { additionalProperties: false, description: 'A subscription to create' })

/** The query of the list of subscriptions. */
export const SubscriptionQuery = Type.Object({
  beforeId: Filter(Id('EBS', 'Returns the nearest subscriptions that are newer than this one. With afterId: the subscriptions between the two')),
  afterId: Filter(Id('EBS', 'Returns the nearest subscriptions that are older than this one')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The maximum number of subscriptions in the page' })
}, { additionalProperties: false })

/** A page of subscriptions. */
export const SubscriptionPage = Page(Subscription)
