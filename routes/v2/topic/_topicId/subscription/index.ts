import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NewSubscription, Subscription, SubscriptionPage, SubscriptionQuery } from '../../../../../schemas/subscription.js'
import { TopicParams } from '../../../../../schemas/topic.js'

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('', {
    schema: {
      summary: 'List the subscriptions to a topic, newest first',
      params: TopicParams,
      querystring: SubscriptionQuery,
      response: { 200: SubscriptionPage }
    },
    config: { permission: 'topic:read', errors: { 404: 'No topic has this id.' } }
  }, app.notImplemented)

  app.post('', {
    schema: { summary: 'Subscribe to a topic', params: TopicParams, body: NewSubscription, response: { 201: Subscription } },
    config: { permission: 'topic:write', errors: { 404: 'No topic has this id.', 422: 'The topic has a subscription with this URL.' } }
  }, app.notImplemented)
}

export default routes
