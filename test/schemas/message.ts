import t from 'tap'
import { AcceptedMessage, Message, MessagePage, MessageParams, MessageQuery, NewMessage } from '../../schemas/message.js'
import { matchesSchema } from '../fixtures/service.js'

const messageId = 'EBM-0198c0a8f00070008000000000000001'
const message = {
  messageId,
  topicId: 'EBT-0198c0a8f00070008000000000000001',
  mediaType: 'application/json',
  status: 'accepted',
  createAt: '2025-08-19T09:30:00.000Z',
  body: null
}

t.test('Message accepts each status, and rejects malformed properties', async t => {
  t.ok(matchesSchema(Message, message))
  t.ok(matchesSchema(Message, { ...message, status: 'stored', position: 1, body: { a: [1] } }))
  t.ok(matchesSchema(Message, { ...message, status: 'failed', reason: 'The topic was deleted', body: 'aGVsbG8=' }))
  for (const wrong of [{ status: 'lost' }, { position: 0 }, { position: '1' }, { position: null }, { reason: null }, { body: undefined }]) {
    t.notOk(matchesSchema(Message, JSON.parse(JSON.stringify({ ...message, ...wrong }))), JSON.stringify(wrong))
  }
  t.ok(matchesSchema(MessagePage, { limit: 1, prevId: null, nextId: messageId, items: [message] }))
})

t.test('NewMessage accepts any JSON body, and rejects other properties', async t => {
  for (const body of [null, 0, '', 'text', [], { a: 1 }]) t.ok(matchesSchema(NewMessage, { body }))
  t.ok(matchesSchema(NewMessage, { mediaType: 'text/plain', body: '' }))
  for (const wrong of [{}, { mediaType: 'a/b' }, { body: 1, mediaType: null }, { body: 1, mediaType: 'a'.repeat(257) }, { body: 1, messageId }]) {
    t.notOk(matchesSchema(NewMessage, wrong), JSON.stringify(wrong))
  }
})

t.test('AcceptedMessage accepts the status accepted only', async t => {
  t.ok(matchesSchema(AcceptedMessage, AcceptedMessage.examples[0]))
  t.notOk(matchesSchema(AcceptedMessage, { messageId, status: 'stored' }))
})

t.test('MessageParams accepts an id with digits in either case only', async t => {
  t.ok(matchesSchema(MessageParams, { messageId: `EBM-${'aF'.repeat(16)}` }))
  for (const wrong of [messageId.toLowerCase(), message.topicId, `${messageId}0`, `${messageId}\n`]) t.notOk(matchesSchema(MessageParams, { messageId: wrong }), wrong)
})

t.test('MessageQuery accepts cursors and a limit from 1 to 1000', async t => {
  t.ok(matchesSchema(MessageQuery, { limit: 1 }))
  t.ok(matchesSchema(MessageQuery, { limit: 1000, beforeId: messageId, afterId: messageId }))
  t.equal(MessageQuery.properties.limit.default, 500)
  for (const wrong of [{ limit: 0 }, { limit: 1001 }, { limit: 1, name: 'a' }, { limit: 1, afterId: message.topicId }]) t.notOk(matchesSchema(MessageQuery, wrong))
})

t.test('each example matches its schema', async t => {
  for (const schema of [Message, NewMessage, AcceptedMessage, MessageParams, MessageQuery]) {
    for (const property of Object.values(schema.properties)) {
      for (const example of property.examples ?? []) t.ok(matchesSchema(property, example), String(example))
    }
  }
})
