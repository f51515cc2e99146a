import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { stringifyJson } from '../../../plugins/app/messages/body.js'
import { Message, MessageParams } from '../../../schemas/message.js'

const routes: FastifyPluginAsyncTypebox = async app => {
  app.get('/:messageId', {
    schema: { summary: 'Get a message and its status', params: MessageParams, response: { 200: Message } },
    serializerCompiler: () => stringifyJson,
    config: { permission: 'message:read', errors: { 404: 'No message has this id.' } }
  }, async (request, reply) => {
    const { messageId } = request.params
    return await app.messages.find(messageId) ?? reply.notFound(`No message ${messageId}`)
  })
}

export default routes
