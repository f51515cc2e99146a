import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isJson } from '../../../../../lib/media-type.js'
import { escapeControls } from '../../../../../lib/control-characters.js'
import { decodeBase64, encodeJson, findJsonLoss, stringifyJson } from '../../../../../plugins/app/messages/body.js'
import { isMediaType, isSameMediaType } from '../../../../../plugins/app/topics/media-type.js'
import { MAX_BODY_BYTES, MAX_BODY_DEPTH } from '../../../../../schemas/message-body.js'
import { AcceptedMessage, MessagePage, MessageQuery, NewMessage } from '../../../../../schemas/message.js'
import { BY_POSITION, cursorHeaders } from '../../../../../schemas/page.js'
import { TopicParams } from '../../../../../schemas/topic.js'

// In JSON, one byte can be escaped as six, and white space is added.
const MAX_REQUEST_BYTES = 8 * MAX_BODY_BYTES

// Fastify's own decoder would replace malformed UTF-8 instead of rejecting it.
const decoder = new TextDecoder('utf-8', { fatal: true })

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON text of the request body, on the route that accepts messages. */
    jsonText: string
  }
}

const routes: FastifyPluginAsyncTypebox = async app => {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('jsonText', '')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    try {
      request.jsonText = decoder.decode(bytes)
    } catch {
      return done(Object.assign(new Error('The body is not UTF-8'), { statusCode: 400 }))
    }
    parseJson(request, request.jsonText, done)
  })

  app.post('', {
    bodyLimit: MAX_REQUEST_BYTES,
    schema: {
      summary: 'Accept a message that will be stored in the topic',
      params: TopicParams,
      body: NewMessage,
      response: { 202: AcceptedMessage }
    },
    config: {
      permission: 'message:write',
      idempotency: 'optional',
      // The messages of several requests are committed in one transaction.
      transaction: 'shared',
      errors: {
        400: `The request is malformed, or the body has more than ${MAX_BODY_BYTES / 1024} KiB.`,
        404: 'No topic has this id.',
        422: 'The media type differs from the media type of the topic, or the body is not valid for it: a JSON media type needs JSON that reads back the same, and any other media type needs base64.',
        503: 'The database is unavailable, or too many messages wait to be stored.'
      }
    }
  }, async (request, reply) => {
    const topic = await app.topics.find(request.params.topicId)
    if (topic === undefined) return reply.notFound(`No topic ${request.params.topicId}`)

    const { topicId } = topic
    const { mediaType = topic.mediaType } = request.body
    // isSameMediaType() alone is not enough, because Node's parser skips malformed parameters.
    if (mediaType !== topic.mediaType && (!isMediaType(mediaType) || !isSameMediaType(mediaType, topic.mediaType))) {
      return reply.unprocessable(`The media type "${escapeControls(mediaType)}" must be "${topic.mediaType}", the media type of the topic`)
    }

    const isJsonTopic = isJson(topic.mediaType)
    const body = isJsonTopic ? encodeJson(request.body.body) : decodeBase64(request.body.body)
    if (body === undefined) {
      return reply.unprocessable(isJsonTopic
        ? `body/body is nested deeper than ${MAX_BODY_DEPTH} levels, or has a number out of range`
        : `body/body must be base64 with padding, because the media type of the topic is "${topic.mediaType}"`)
    }
    if (body.length > MAX_BODY_BYTES) return reply.badRequest(`body/body must NOT have more than ${MAX_BODY_BYTES} bytes, and has ${body.length}`)
    const loss = findJsonLoss(request.jsonText, request.body)
    if (loss !== undefined) return reply.unprocessable(`body ${loss}`)

    const draft = app.messages.createDraft({ topicId, mediaType, body })
    await request.commitWith(record => app.messages.accept(draft, record))
    const { messageId } = draft
    return reply.accepted({ messageId, status: 'accepted' }, `/v2/message/${messageId}`)
  })

  app.get('', {
    schema: {
      summary: 'List the stored messages of a topic by position, the lowest first',
      params: TopicParams,
      querystring: MessageQuery,
      response: { 200: { ...MessagePage, headers: cursorHeaders('messages', BY_POSITION) } }
    },
    serializerCompiler: () => stringifyJson,
    config: {
      permission: 'message:read',
      errors: { 404: 'No topic has this id.', 422: 'A cursor is not the id of a stored message of this topic.' }
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
