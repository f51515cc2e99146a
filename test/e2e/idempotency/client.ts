import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import service from '../../../app.js'
import { createClient, type ClientOptions } from '../../../client/index.js'
import { serverOptions } from '../../../index.js'
import { sqlite } from '../../fixtures/database.js'
import { writeKeysFile } from '../../fixtures/service.js'
import { KEY } from '../../fixtures/sign.js'

interface Topic { topicId: string, name: string }

/** What happens to a request: the client gets its response, its response is lost, or the request is held for later. */
type Fate = 'answered' | 'lost' | 'held'

/** Starts the service. Returns a client, and controls for its network. */
async function start (t: Test, options: Partial<ClientOptions> = {}) {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }))
  t.teardown(() => app.close())
  await app.register(service, { ...await sqlite.open(t), keysFile: writeKeysFile(t) })
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })

  const fates: Fate[] = []
  const held: Request[] = []
  const client = createClient({
    baseUrl,
    key: KEY,
    retry: { baseDelay: 1, maxDelay: 5 },
    async fetch (request, init) {
      const fate = fates.shift()
      if (fate === 'held') {
        held.push(request)
        throw new Error('No answer')
      }
      const response = await fetch(request, init)
      if (fate === 'lost') throw new Error('The connection was lost')
      return response
    },
    ...options
  })
  return {
    client,
    fates,
    held,
    async countTopics () {
      const result = await client<{ items: Topic[] }>('GET', '/v2/topic')
      return result.outcome === 'success' ? result.body.items.length : NaN
    }
  }
}

const body = { name: 'orders', description: '', mediaType: 'application/json' }

t.test('retries a request whose response was lost, and gets the recorded response', async t => {
  const { client, fates, countTopics } = await start(t)
  fates.push('lost', 'lost')
  const created = await client<Topic>('POST', '/v2/topic', { body, idempotencyKey: true })
  t.match(created, { outcome: 'success', status: 201, body: { name: 'orders' }, attempts: 3, replayed: true })
  t.equal(await countTopics(), 1)

  fates.push('lost')
  t.match(await client('POST', '/v2/topic', { body: { ...body, mediaType: 'none' }, idempotencyKey: true }), { outcome: 'rejected', status: 422, reason: '"none" is not a media type', attempts: 2, replayed: true })

  const path = `/v2/topic/${created.outcome === 'success' ? created.body.topicId : ''}`
  fates.push('lost')
  t.match(await client('DELETE', path, { idempotencyKey: true }), { outcome: 'success', status: 200, attempts: 2, replayed: true })
  fates.push('lost')
  t.match(await client('DELETE', path), { outcome: 'unknown', status: 404, reason: /^Attempt 1: The connection was lost. Attempt 2: No topic/ }, 'without a key, the outcome stays unknown after a 404')
  t.equal(await countTopics(), 0)
})

t.test('settles an operation whose response was lost', async t => {
  const { client, fates, countTopics } = await start(t, { retry: { attempts: 1, baseDelay: 1 } })
  fates.push('lost')
  const result = await client<Topic>('POST', '/v2/topic', { body, idempotencyKey: true })
  t.match(result, { outcome: 'unknown', reason: 'The connection was lost', attempts: 1 })
  fates.push('lost')
  const settled = await client.settle<Topic>(result.idempotencyKey)
  t.match(settled, { outcome: 'success', status: 201, body: { name: 'orders' }, attempts: 2, replayed: true })
  t.match(settled.headers!.get('content-type'), 'application/json')
  t.strictSame((await client.look<Topic>(result.idempotencyKey)), { ...settled, attempts: 1 })
  t.equal(await countTopics(), 1)

  const rejected = await client('POST', '/v2/topic', { body: { ...body, mediaType: 'none' }, idempotencyKey: 'b' })
  t.match(await client.settle('b'), { outcome: 'rejected', status: 422, reason: rejected.outcome === 'rejected' ? rejected.reason : '', replayed: true })
})

t.test('settles an operation whose request has not arrived, so that it never happens', async t => {
  const { client, fates, held, countTopics } = await start(t, { retry: { attempts: 1, baseDelay: 1 } })
  fates.push('held')
  const { outcome, idempotencyKey } = await client('POST', '/v2/topic', { body, idempotencyKey: true })
  t.equal(outcome, 'unknown')
  t.match(await client.look(idempotencyKey), { outcome: 'unknown', status: 404, reason: /^Nothing is known/ })
  const closed = { outcome: 'rejected', reason: /was closed/, replayed: false }
  for (const result of [await client.settle(idempotencyKey), await client.settle(idempotencyKey), await client.look(idempotencyKey)]) t.match(result, closed)
  t.match(await fetch(held[0]), { status: 422 }, 'the late request is rejected')
  t.match(await client('POST', '/v2/topic', { body, idempotencyKey }), { outcome: 'rejected', status: 422, reason: /was closed/ })
  t.equal(await countTopics(), 0)
})

t.test('says what to do about an idempotency key that the service rejects', async t => {
  const { client, fates } = await start(t)
  t.match(await client('POST', '/v2/topic', { body, idempotencyKey: 'a' }), { outcome: 'success' })
  t.match(await client('POST', '/v2/topic', { body: { ...body, name: 'other' }, idempotencyKey: 'a' }), { outcome: 'rejected', status: 422, reason: /used for another request/ })
  fates.push('held')
  t.match(await client('POST', '/v2/topic', { body: { ...body, name: 'other' }, idempotencyKey: 'a' }), { outcome: 'unknown', status: 422, reason: /look\(\)/, attempts: 2 })

  const expired = v7({ msecs: Date.now() - 30 * 86_400_000 })
  t.match(await client('POST', '/v2/topic', { body, idempotencyKey: expired }), { outcome: 'rejected', status: 422, reason: /has expired/, attempts: 1 })
  fates.push('held')
  t.match(await client('POST', '/v2/topic', { body, idempotencyKey: expired }), { outcome: 'unknown', status: 422, reason: /Check the resource/, attempts: 2 })
  t.match(await client.settle(expired), { outcome: 'unknown', status: 422, reason: /Check the resource/, attempts: 1 })
})

t.test('the service and the client encode keys in the same way', async t => {
  const { client } = await start(t)
  const keys = ['a b', ' a ', 'a,b', '"', '\\"', '%2F', 'a/../b', '?#&', '...', '~', 'a'.repeat(255), '%'.repeat(255)]
  for (const [index, key] of keys.entries()) {
    const created = await client<Topic>('POST', '/v2/topic', { body: { ...body, name: `topic ${index}` }, idempotencyKey: key })
    const settled = await client.settle<Topic>(key)
    if (created.outcome !== 'success' || settled.outcome !== 'success') t.fail(JSON.stringify([key, created, settled]))
    else t.strictSame(settled.body, created.body, key)
  }
})
