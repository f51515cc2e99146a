import { Type } from '@sinclair/typebox'
import { Page } from './page.js'
import { Topic } from './topic.js'

const id = 'EBS-0198c0a8f00070008000000000000001'

const SubscriptionId = (description: string) => Type.String({
  pattern: '^EBS-[0-9A-Fa-f]{32}$',
  description: `${description}; its digits in either case`,
  examples: [id]
})

const Url = Type.String({
  format: 'uri',
  pattern: '^https://',
  maxLength: 2048,
  description: 'Where the messages of the topic are sent, by POST: an https URL',
  examples: ['https://example.com/orders']
})

/** A subscription to a topic. */
export const Subscription = Type.Object({
  subscriptionId: Type.String({ description: 'EBS- and the 32 digits of a UUIDv7', examples: [id] }),
  topicId: Topic.properties.topicId,
  url: Url,
  createAt: Type.String({ format: 'date-time', description: 'When it was created, UTC', examples: ['2025-08-19T09:30:00.000Z'] }),
  deleteAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
    description: 'When it was deleted, UTC; null while it is not',
    examples: [null]
  })
}, { description: 'A subscription to a topic' })

/** What a client sends to subscribe to a topic. */
export const NewSubscription = Type.Object({ url: Url }, { additionalProperties: false, description: 'A subscription to create' })

/** Which subscriptions to list. */
export const SubscriptionQuery = Type.Object({
  beforeId: Type.Optional(SubscriptionId('Only subscriptions newer than this one, the nearest of them; with afterId, those between the two')),
  afterId: Type.Optional(SubscriptionId('Only subscriptions older than this one, the nearest of them')),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 500, description: 'The most subscriptions in the answer' })
}, { additionalProperties: false })

/** A page of subscriptions. */
export const SubscriptionPage = Page(Subscription)
