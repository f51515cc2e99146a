import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Message } from '../../../../schemas/message.js'
import { databases } from '../../../fixtures/database.js'
import { assertInjectedError, matchesSchema, createService } from '../../../fixtures/service.js'

for (const { name, skip, open } of databases) {
  t.test(`on ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    const post = async (url: string, payload: object) => (await app.inject({ method: 'POST', url, payload })).json()
    const topic = async (name: string) => (await post('/v2/topic', { name, description: '', mediaType: 'application/json' })).topicId

    t.test('returns a message as accepted first, and as stored later', async t => {
      const topicId = await topic('a')
      const { messageId } = await post(`/v2/topic/${topicId}/message`, { body: { a: null } })
      for (;;) {
        const response = await app.inject(`/v2/message/EBM-${messageId.slice(4).toUpperCase()}`)
        t.equal(response.statusCode, 200)
        const message = response.json()
        t.ok(matchesSchema(Message, message))
        if (message.status === 'stored') {
          t.strictSame(message, { messageId, topicId, mediaType: 'application/json', status: 'stored', position: 1, createAt: message.createAt, body: { a: null } })
          break
        }
        t.strictSame(message, { messageId, topicId, mediaType: 'application/json', status: 'accepted', createAt: message.createAt, body: { a: null } })
        await setTimeout(5)
      }
    })

    t.test('returns a message of a deleted topic as failed, with a reason', async t => {
      const topicId = await topic('b')
      await app.inject({ method: 'DELETE', url: `/v2/topic/${topicId}` })
      // A request may find the topic just before it is deleted, so add the message directly.
      const draft = app.messages.createDraft({ topicId, mediaType: 'application/json', body: Buffer.from('7') })
      await app.messages.accept(draft)
      const { messageId } = draft
      for (;;) {
        const message = (await app.inject(`/v2/message/${messageId}`)).json()
        t.ok(matchesSchema(Message, message))
        if (message.status !== 'accepted') {
          t.strictSame(message, { messageId, topicId, mediaType: 'application/json', status: 'failed', reason: 'The topic was deleted', createAt: message.createAt, body: 7 })
          break
        }
        await setTimeout(5)
      }
    })

    t.test('sends 404 for an unknown id, and 400 for a malformed id', async t => {
      const nowhere = `EBM-${'0'.repeat(32)}`
      assertInjectedError(t, await app.inject(`/v2/message/${nowhere}`), 404, `No message ${nowhere}`)
      for (const id of ['x', `ebm-${'0'.repeat(32)}`, `EBT-${'0'.repeat(32)}`]) {
        assertInjectedError(t, await app.inject(`/v2/message/${id}`), 400, /^params\/messageId must match pattern/)
      }
    })
  })
}
