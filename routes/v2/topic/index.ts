import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { escapeControls } from '../../../lib/control-characters.js'
import { isMediaType } from '../../../plugins/app/topics/media-type.js'
import { cursorHeaders } from '../../../schemas/page.js'
import { NewTopic, Topic, TopicPage, TopicParams, TopicQuery } from '../../../schemas/topic.js'

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('', {
    schema: { summary: 'List topics, newest first', querystring: TopicQuery, response: { 200: { ...TopicPage, headers: cursorHeaders('topics') } } },
    config: { permission: 'topic:read' }
  }, async (request, reply) => {
    const page = await app.topics.list(request.query)
    if (page.prevId !== null) reply.header('EB-BEFORE', page.prevId)
    if (page.nextId !== null) reply.header('EB-AFTER', page.nextId)
    return page
  })

  app.post('', {
    schema: { summary: 'Create a topic', body: NewTopic, response: { 201: Topic } },
    config: { permission: 'topic:write', idempotency: 'optional', errors: { 422: 'The name is taken, or the media type is malformed.' } }
  }, async (request, reply) => {
    const { name, mediaType } = request.body
    if (!isMediaType(mediaType)) return reply.unprocessable(`"${escapeControls(mediaType)}" is not a media type`)

    const topic = await app.topics.create(request.body, request.transaction)
    if (topic === undefined) return reply.unprocessable(`A topic named "${name}" exists already`)
    return reply.created(topic, `${app.prefix}/${topic.topicId}`)
  })

  app.get('/:topicId', {
    schema: { summary: 'Get a topic', params: TopicParams, response: { 200: Topic } },
    config: { permission: 'topic:read', errors: { 404: 'No topic has this id.' } }
  }, async (request, reply) => {
    const { topicId } = request.params
    return await app.topics.find(topicId) ?? reply.notFound(`No topic ${topicId}`)
  })

  app.delete('/:topicId', {
    schema: { summary: 'Delete a topic', params: TopicParams, response: { 200: Topic } },
    config: { permission: 'topic:write', idempotency: 'optional', errors: { 404: 'No topic has this id.' } }
  }, async (request, reply) => {
    const { topicId } = request.params
    return await app.topics.remove(topicId, request.transaction) ?? reply.notFound(`No topic ${topicId}`)
  })
}

export default routes
