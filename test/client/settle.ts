import t, { type Test } from 'tap'
import { createClient, type ClientOptions, type RetryOptions } from '../../client/index.js'
import { closedPort } from '../fixtures/database.js'
import { findSignatureError, serve, type Received } from './fixtures/servers.js'

/** A response: its status code, a body that is sent as JSON, and header fields. */
type Answer = [status: number, body?: object, fields?: Record<string, string>] | 'lost'

const retry: RetryOptions = { baseDelay: 1, maxDelay: 5 }
const key = { id: 'dev', secret: 'hush' }

/** Starts a server that sends these responses and repeats the last one. Returns a client, and the requests that arrived. */
async function clientOf (t: Test, answers: Answer[], options: Partial<ClientOptions> = { retry }) {
  const received: Received[] = []
  const baseUrl = await serve(t, (request, response) => {
    const answer = answers[Math.min(received.push(request), answers.length) - 1]
    if (answer === 'lost') return response.destroy()
    const [status, body, fields] = answer
    response.writeHead(status, { 'content-type': 'application/json', 'eb-reason-phrase': `Reason ${status}`, ...fields }).end(body && JSON.stringify(body))
  })
  return { client: createClient({ baseUrl, ...options }), received }
}

const succeeded = { key: 'a', state: 'succeeded', statusCode: 201, headers: { location: '/topic/1', 'content-type': 'application/json' }, body: '{"name":"orders"}', createdAt: '', settledAt: '' }
const closed = { key: 'a', state: 'closed', createdAt: '', settledAt: '' }

t.test('settle() closes the key, and look() does not', async t => {
  const { client, received } = await clientOf(t, [[200, succeeded]], { key })
  for (const result of [await client.settle('a'), await client.look('a')]) {
    t.match(result, { outcome: 'success', status: 201, body: { name: 'orders' }, idempotencyKey: 'a', attempts: 1, replayed: true })
    t.equal(result.headers!.get('location'), '/topic/1')
  }
  t.match(received, [
    { method: 'PUT', url: '/v2/operation/a', headers: { 'content-type': 'application/json' } },
    { method: 'GET', url: '/v2/operation/a' }
  ])
  t.equal(received[0].body.toString(), '{"state":"closed"}')
  for (const request of received) {
    t.equal(findSignatureError(request, key.id, key.secret), undefined)
    t.notOk('idempotency-key' in request.headers)
  }
})

t.test('sends requests to the path in the option outcomes, with the key percent-encoded', async t => {
  const { client, received } = await clientOf(t, [[200, closed]], { outcomes: '/outcomes' })
  for (const key of ['a b', 'a/b?c#d', '"', '\\', '%2F', '...', '~!*()\'']) {
    await client.settle(key)
    const [, prefix, encoded] = /^(\/outcomes\/)([^/?]+)$/.exec(received.at(-1)!.url)!
    t.strictSame([prefix, decodeURIComponent(encoded)], ['/outcomes/', key])
  }
  for (const outcomes of ['', 'a', '//a', '/a?b', '/a/', '/../a', '/a#b', 1]) {
    t.throws(() => createClient({ baseUrl: 'http://a', outcomes: outcomes as string }), { name: 'TypeError', message: 'fastify-reason-phrase: outcomes must be a path without a query and without a slash at its end' }, `${outcomes}`)
  }
})

t.test('returns the outcome of the operation', async t => {
  const outcome = async (body: object) => {
    const { headers, ...result } = await (await clientOf(t, [[200, body]])).client.settle('a')
    return result
  }
  const details = { idempotencyKey: 'a', attempts: 1 }
  t.strictSame(await outcome({ key: 'a', state: 'rejected', statusCode: 422, reason: 'The name is taken', headers: {} }), { ...details, outcome: 'rejected', status: 422, reason: 'The name is taken', replayed: true })
  t.strictSame(await outcome(closed), { ...details, outcome: 'rejected', reason: 'The idempotency key was closed. The operation did not happen and never will', replayed: false })
  t.match(await outcome({ state: 'other' }), { ...details, outcome: 'unknown', status: 200 })
})

t.test('retries until the service returns the outcome', async t => {
  const executing: Answer = [503, undefined, { 'idempotency-status': 'executing', 'retry-after': '0' }]
  t.match(await (await clientOf(t, ['lost', [500], [429, undefined, { 'retry-after': '0' }], 'lost', [502], [200, closed]])).client.settle('a'), { outcome: 'rejected', attempts: 6 }, 'there is no limit of attempts')
  t.match(await (await clientOf(t, [executing, [200, succeeded]])).client.settle('a'), { outcome: 'success', attempts: 2 })
  t.match(await (await clientOf(t, ['lost', [200, succeeded]])).client.look('a'), { outcome: 'success', attempts: 2 })
})

t.test('returns unknown if the service cannot be reached', async t => {
  const baseUrl = `http://127.0.0.1:${await closedPort()}`
  for (const method of ['settle', 'look'] as const) {
    const result = await createClient({ baseUrl, retry: { ...retry, deadline: 500 } })[method]('a')
    t.match(result, { outcome: 'unknown', reason: /^connect ECONNREFUSED|^No response within 500 ms$/, idempotencyKey: 'a', replayed: false })
    t.ok(result.attempts > 1)
    t.match(await createClient({ baseUrl })[method]('a'), { outcome: 'unknown', attempts: 1 })
    t.match(await createClient({ baseUrl })[method]('a', { signal: AbortSignal.abort('no') }), { outcome: 'unknown', reason: 'no' })
  }
})

t.test('returns unknown if the service does not know the outcome, and does not ask again', async t => {
  for (const status of [401, 403, 404]) {
    for (const method of ['settle', 'look'] as const) {
      const { client, received } = await clientOf(t, [[status]])
      t.match(await client[method]('a'), { outcome: 'unknown', status, reason: `Reason ${status}`, attempts: 1 })
      t.equal(received.length, 1)
    }
  }
  t.match(await (await clientOf(t, [[422, undefined, { 'idempotency-status': 'expired' }]])).client.settle('a'), { outcome: 'unknown', status: 422, reason: /has expired.+Check the resource/ })
  t.match(await (await clientOf(t, [[200, { key: 'a', state: 'executing' }]])).client.look('a'), { outcome: 'unknown', reason: 'A request with this idempotency key is being executed', attempts: 1 })
})

t.test('sends one request without the option retry', async t => {
  for (const method of ['settle', 'look'] as const) {
    const { client, received } = await clientOf(t, [[503]], {})
    t.match(await client[method]('a'), { outcome: 'unknown', status: 503, attempts: 1, replayed: false })
    t.equal(received.length, 1)
  }
})

t.test('reads a recorded response whose JSON is larger than maxResponseSize', async t => {
  const body = '"'.repeat(100)
  const { client } = await clientOf(t, [[200, { ...succeeded, headers: { 'content-type': 'text/plain' }, body }]], { maxResponseSize: 100 })
  t.match(await client.settle('a'), { outcome: 'success', body })
  const endless = await clientOf(t, [[200, { ...succeeded, body: 'a'.repeat(70_000) }]], { maxResponseSize: 100 })
  t.match(await endless.client.settle('a'), { outcome: 'unknown', cause: RangeError })
})

t.test('sends the header fields, and calls onAttempt', async t => {
  const { client, received } = await clientOf(t, ['lost', [200, closed]])
  const keys: unknown[] = []
  await client.settle('a', { headers: { 'x-a': 'b' }, onAttempt: ({ idempotencyKey }) => keys.push(idempotencyKey) })
  t.strictSame(keys, ['a', 'a'])
  t.match(received, [{ headers: { 'x-a': 'b' } }, { headers: { 'x-a': 'b' } }])
})

t.test('rejects an invalid key', async t => {
  const client = createClient({ baseUrl: 'http://127.0.0.1', fetch: async () => t.fail('a request was sent') as never })
  for (const key of ['', '.', '..', 'é', true, undefined]) {
    for (const method of ['settle', 'look'] as const) await t.rejects(client[method](key as string), { name: 'TypeError', message: /idempotencyKey must have 1 to 255 characters/ })
  }
})
