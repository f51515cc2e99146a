import t from 'tap'
import { NewSubscription, Subscription, SubscriptionPage, SubscriptionQuery } from '../../schemas/subscription.js'
import { matchesSchema } from '../fixtures/service.js'

const subscriptionId = 'EBS-0198c0a8f00070008000000000000001'
const topicId = 'EBT-0198c0a8f00070008000000000000001'
const url = 'https://example.com/orders?a=b'
const subscription = { subscriptionId, topicId, url, createAt: '2025-08-19T09:30:00.000Z', deleteAt: null }

t.test('Subscription accepts a subscription, deleted or not', async t => {
  t.ok(matchesSchema(Subscription, subscription))
  t.ok(matchesSchema(Subscription, { ...subscription, deleteAt: subscription.createAt }))
  t.notOk(matchesSchema(Subscription, { ...subscription, createAt: 'yesterday' }))
  t.ok(matchesSchema(SubscriptionPage, { limit: 1, prevId: null, nextId: subscriptionId, items: [subscription] }))
})

t.test('NewSubscription accepts an https URL only', async t => {
  t.ok(matchesSchema(NewSubscription, { url }))
  for (const wrong of [{}, { url: '' }, { url: '/orders' }, { url: 'http://example.com' }, { url: 'https://a b' }, { url: `https://${'a'.repeat(2048)}` }, { url, topicId }]) {
    t.notOk(matchesSchema(NewSubscription, wrong), JSON.stringify(wrong))
  }
})

t.test('SubscriptionQuery accepts cursors and a limit from 1 to 1000', async t => {
  t.ok(matchesSchema(SubscriptionQuery, { limit: 1000, beforeId: subscriptionId, afterId: `EBS-${'aF'.repeat(16)}` }))
  t.equal(SubscriptionQuery.properties.limit.default, 500)
  for (const wrong of [{ limit: 0 }, { limit: 1001 }, { limit: 1, beforeId: topicId }, { limit: 1, name: 'a' }]) t.notOk(matchesSchema(SubscriptionQuery, wrong))
})

t.test('each example matches its schema', async t => {
  for (const schema of [Subscription, NewSubscription, SubscriptionQuery]) {
    for (const property of Object.values(schema.properties)) for (const example of (property.examples ?? []) as unknown[]) t.ok(matchesSchema(property, example))
  }
})
