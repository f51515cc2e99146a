import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isJson, isMediaType, isSameMediaType } from '../../../../../lib/media-type.js'
import { BODY_LIMIT, DEPTH_LIMIT, fromBase64, fromJson, lossOf, toJson } from '../../../../../plugins/app/messages/body.js'
import { oneLine } from '../../../../../lib/one-line.js'
import { AcceptedMessage, MessagePage, MessageQuery, NewMessage } from '../../../../../schemas/message.js'
import { TopicParams } from '../../../../../schemas/topic.js'

// What the list says of itself in its header section.
const CURSORS = {
  'EB-BEFORE': { type: 'string', description: 'The `beforeId` of the page of earlier messages; absent when there is none' },
  'EB-AFTER': { type: 'string', description: 'The `afterId` of the page of later messages; absent when there is none' }
}

// JSON can take six bytes for one, as escapes, and has white space.
const REQUEST_LIMIT = 8 * BODY_LIMIT

// Fastify's own decoder replaces what is not UTF-8.
const decoder = new TextDecoder('utf-8', { fatal: true })

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON text of the body of a request that sends a message. */
    jsonText: string
  }
}

const routes: FastifyPluginAsyncTypebox = async app => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('jsonText', '')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      request.jsonText = decoder.decode(bytes)
    } catch {
      return done(Object.assign(new Error('The body is not UTF-8'), { statusCode: 400 }))
    }
    parse(request, request.jsonText, done)
  })

  app.post('', {
    bodyLimit: REQUEST_LIMIT,
    schema: {
      summary: 'Accept a message, to be stored in the topic',
      params: TopicParams,
      body: NewMessage,
      response: { 202: AcceptedMessage }
    },
    config: {
      permission: 'message:write',
      errors: {
        400: `The request is malformed, or the body has more than ${BODY_LIMIT / 1024} KiB.`,
        404: 'No topic has this id.',
        422: 'The media type is not that of the topic, or the body is not what the media type asks for: base64, or JSON that reads back the same.',
        503: 'The database is unavailable, or too many messages wait to be stored.'
      }
    }
  }, async (request, reply) => {
    const topic = await app.topics.find(request.params.topicId)
    if (topic === undefined) return reply.notFound(`No topic ${request.params.topicId}`)

    const { topicId } = topic
    const { mediaType = topic.mediaType } = request.body
    // Node's parser lets pass what is none, and skips what it cannot read.
    if (!isMediaType(mediaType) || !isSameMediaType(mediaType, topic.mediaType)) {
      return reply.unprocessable(`The media type "${oneLine(mediaType)}" is not "${topic.mediaType}", that of the topic`)
    }

    const json = isJson(topic.mediaType)
    const body = json ? fromJson(request.body.body) : fromBase64(request.body.body)
    if (body === undefined) {
      return reply.unprocessable(json
        ? `body/body is nested deeper than ${DEPTH_LIMIT} levels, or has a number out of range`
        : `body/body must be base64, with its padding, as the media type of the topic is "${topic.mediaType}"`)
    }
    if (body.length > BODY_LIMIT) return reply.badRequest(`body/body must NOT have more than ${BODY_LIMIT} bytes, and has ${body.length}`)
    const loss = lossOf(request.jsonText, request.body)
    if (loss !== undefined) return reply.unprocessable(`body ${loss}`)

    const messageId = await app.messages.accept({ topicId, mediaType, body })
    return reply.accepted({ messageId, status: 'accepted' }, `/v2/message/${messageId}`)
  })

  app.get('', {
    schema: {
      summary: 'List the stored messages of a topic by position, the lowest first',
      params: TopicParams,
      querystring: MessageQuery,
      response: { 200: { ...MessagePage, headers: CURSORS } }
    },
    serializerCompiler: () => toJson,
    config: {
      permission: 'message:read',
      errors: { 404: 'No topic has this id.', 422: 'A cursor is no stored message of this topic.' }
    }
  }, async (request, reply) => {
    const topic = await app.topics.find(request.params.topicId)
    if (topic === undefined) return reply.notFound(`No topic ${request.params.topicId}`)

    const page = await app.messages.list(topic.topicId, request.query)
    if (page === undefined) return reply.unprocessable('beforeId and afterId must be stored messages of this topic')
    if (page.prevId !== null) reply.header('EB-BEFORE', page.prevId)
    if (page.nextId !== null) reply.header('EB-AFTER', page.nextId)
    return page
  })
}

export default routes
