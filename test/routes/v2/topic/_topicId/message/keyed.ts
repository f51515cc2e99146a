import t, { type Test } from 'tap'
import { createOperation } from '../../../../../../lib/idempotency/operation.js'
import type { MessageOptions } from '../../../../../../plugins/app/messages/index.js'
import type { DatabaseOptions } from '../../../../../../plugins/app/database/index.js'
import { databases } from '../../../../../fixtures/database.js'
import { listenForSigned } from '../../../../../fixtures/keyed-client.js'
import { summarize } from '../../../../../fixtures/keyed-service.js'
import { until } from '../../../../../fixtures/maintenance.js'
import { createService } from '../../../../../fixtures/service.js'
import { KEY } from '../../../../../fixtures/sign.js'
import { valuesOf, type WireResponse } from '../../../../../fixtures/wire.js'

const locationOf = (response: WireResponse) => valuesOf(response, 'location')[0]

/** Returns the expected replay of a response. */
const replayOf = (response: WireResponse) => ({ ...summarize(response), replayed: 'true' })

async function serve (t: Test, options: DatabaseOptions & MessageOptions) {
  const app = await createService(t, options)
  const send = await listenForSigned(t, app)
  return {
    app,
    async createTopic (mediaType = 'application/json'): Promise<string> {
      return locationOf(await send('POST', '/v2/topic', { payload: { name: mediaType, description: '', mediaType } }))!
    },
    remove: (topic: string) => send('DELETE', topic),
    /** Sends a message to the topic with this path. */
    post: (topic: string, key: string | undefined, body: unknown = 1, more: object = {}) => send('POST', `${topic}/message`, { key, payload: { body, ...more } }),
    /** Returns the messages of all topics in the order of their sequence numbers. */
    messages: () => app.database.run(db => db.selectFrom('message').select(['messageId', 'sequence', 'topicId']).orderBy('topicId').orderBy('sequence').execute()),
    records: () => app.database.run(db => db.selectFrom('idempotency').select(['idempotencyKey', 'state', 'status']).orderBy('idempotencyKey').execute())
  }
}

for (const { name, skip, open } of databases) {
  t.test(`with an idempotency key on ${name}`, { skip }, async t => {
    t.test('accepts one message, and replays its response', async t => {
      const { app, createTopic, post, messages, records } = await serve(t, await open(t))
      const topic = await createTopic()
      const first = await post(topic, 'a')
      const { messageId } = JSON.parse(first.body)
      t.match(summarize(first), { statusCode: 202, body: `{"messageId":"${messageId}","status":"accepted"}`, status: 'succeeded', replayed: undefined })
      t.equal(locationOf(first), `/v2/message/${messageId}`)
      for (let round = 0; round < 2; round++) {
        const again = await post(topic, 'a')
        t.strictSame(summarize(again), replayOf(first))
        for (const field of ['location', 'content-type']) t.strictSame(valuesOf(again, field), valuesOf(first, field))
      }
      t.match(await messages(), [{ messageId }])
      t.match(await records(), [{ idempotencyKey: 'a', state: 'succeeded', status: 202 }])
      await until(async () => (await app.messages.find(messageId))!.status === 'stored')
      t.match(await app.messages.find(messageId), { status: 'stored', position: 1 }, 'wakes the worker')
      t.match(summarize(await post(topic, 'a', 2)), { statusCode: 422, status: 'mismatch', replayed: undefined })
      t.equal((await messages()).length, 1)
    })

    t.test('accepts one message for each of many keys, with retries on two instances', async t => {
      const options = await open(t)
      const instances = [await serve(t, options), await serve(t, options)]
      const [{ createTopic, messages, records }] = instances
      const topics = [await createTopic(), await createTopic('text/plain')]
      const keys = Array.from({ length: 200 }, (_, number) => `key ${number}`)

      async function post (key: string, index: number, round: number): Promise<WireResponse> {
        for (;;) {
          const response = await instances[(index + round) % 2].post(topics[index % 2], key, Buffer.from(key).toString('base64'))
          // A retry waits only for a limited time, and then gets 503.
          if (response.statusCode !== 503) return response
        }
      }

      const responses = await Promise.all([0, 1, 2].flatMap(round => keys.map(async (key, index) => ({ key, response: await post(key, index, round) }))))
      const answers = new Set(responses.map(({ key, response }) => `${key}: ${response.statusCode} ${response.body} ${locationOf(response)}`))
      t.equal(answers.size, 200, 'sends the same bytes for each key')
      t.equal(responses.filter(({ response }) => summarize(response).replayed === undefined).length, 200)
      t.ok(responses.every(({ response }) => response.statusCode === 202 && summarize(response).status === 'succeeded'))

      const stored = await messages()
      t.same(stored.map(({ messageId }) => messageId).sort(), [...new Set(responses.map(({ response }) => JSON.parse(response.body).messageId))].sort())
      t.same(stored.map(({ sequence }) => Number(sequence)), [0, 100].flatMap(() => Array.from({ length: 100 }, (_, index) => index + 1)), 'leaves no gaps between sequence numbers')
      t.same((await records()).map(({ idempotencyKey }) => idempotencyKey), keys.sort())
    })

    t.test('accepts messages with and without keys together', async t => {
      const { createTopic, post, messages } = await serve(t, await open(t))
      const topic = await createTopic()
      const responses = await Promise.all(Array.from({ length: 60 }, (_, number) => post(topic, number % 3 === 0 ? undefined : `${number % 3}${number % 2}`)))
      t.same(responses.map(({ statusCode }) => statusCode), responses.map(() => 202))
      const stored = await messages()
      t.equal(stored.length, 24, '20 requests without a key, and 4 keys')
      t.same(stored.map(({ sequence }) => Number(sequence)), Array.from({ length: 24 }, (_, index) => index + 1))
    })

    t.test('replays while the backlog is full, but records nothing new', async t => {
      const options = await open(t)
      const free = await serve(t, options)
      const full = await serve(t, { ...options, messageBacklog: 0 })
      const topic = await free.createTopic()
      const first = await free.post(topic, 'a')
      const again = await full.post(topic, 'a')
      t.strictSame(summarize(again), replayOf(first))
      t.equal(locationOf(again), locationOf(first))

      for (let round = 0; round < 2; round++) {
        const refused = await full.post(topic, 'b')
        t.strictSame(summarize(refused), { statusCode: 503, reason: 'Too many messages wait to be stored', body: '', status: undefined, replayed: undefined, retryAfter: '5' })
        t.equal(locationOf(refused), undefined)
      }
      t.match(await full.records(), [{ idempotencyKey: 'a' }])
      t.match(summarize(await free.post(topic, 'b')), { statusCode: 202, status: 'succeeded', replayed: undefined })
      t.match(summarize(await full.post(topic, 'b')), { statusCode: 202, replayed: 'true' })
      t.equal((await full.messages()).length, 2)
    })

    t.test('replays a rejection, and the response to an accepted message of a deleted topic', async t => {
      const options = await open(t)
      const service = await serve(t, options)
      const other = await serve(t, options)
      const { createTopic, remove, post, messages } = service
      const [topic, text] = [await createTopic(), await createTopic('text/plain')]
      const accepted = await post(topic, 'a')
      await remove(topic)
      t.strictSame(summarize(await post(topic, 'a')), replayOf(accepted))
      t.strictSame(summarize(await other.post(topic, 'a')), replayOf(accepted), 'replays in a process that does not find the topic')

      const missing = await post(topic, 'b')
      t.match(summarize(missing), { statusCode: 404, reason: /^No topic EBT-/, status: 'rejected', replayed: undefined })
      const malformed = await post(text, 'c', 'hello!')
      t.match(summarize(malformed), { statusCode: 422, reason: /must be base64/, status: 'rejected', replayed: undefined })
      for (const { post } of [service, other]) {
        t.strictSame(summarize(await post(topic, 'b')), replayOf(missing))
        t.strictSame(summarize(await post(text, 'c', 'hello!')), replayOf(malformed))
      }
      t.match(summarize(await post(text, 'd', 'aGVsbG8=', { colour: 'red' })), { statusCode: 400, status: undefined })
      t.match(summarize(await post(text, 'd', 'aGVsbG8=')), { statusCode: 202, replayed: undefined }, 'executes a request whose key was only used in an invalid request')
      t.equal((await messages()).length, 2)
    })

    t.test('does not accept a message with a closed key', async t => {
      const { app, createTopic, post, messages } = await serve(t, await open(t))
      const topic = await createTopic()
      await app.idempotencyStore.transaction(({ transaction }) => app.idempotencyStore.insertRecords(transaction, [{ operation: createOperation(KEY.id, 'a'), fingerprint: undefined, state: 'closed' }]))
      const response = await post(topic, 'a')
      t.match(summarize(response), { statusCode: 422, reason: 'The idempotency key was closed. The operation did not happen and never will', status: 'closed' })
      t.equal(locationOf(response), undefined)
      t.same(await messages(), [])
    })
  })
}
