import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Agent, buildConnector } from 'undici'
import { createBasicClient, createClient, type AttemptEvent, type BasicClient, type RetryOptions } from '../../client/index.js'
import { getKeyTime } from '../../lib/idempotency/key.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import idempotency from '../../plugins/idempotency/index.js'
import { closedPort } from '../fixtures/database.js'
import { TestStore } from '../fixtures/keyed-service.js'
import { dispatchWith } from './fixtures/dispatcher.js'
import { echo, findSignatureError, serve, type Received } from './fixtures/servers.js'

/** A response with this status code and these header fields, or a lost connection. */
type Answer = [status: number, fields?: Record<string, string>] | 'lost'

/** Starts a server that sends these responses and repeats the last one. Returns its URL and the requests that it received. */
async function answerWith (t: Test, ...answers: Answer[]): Promise<{ baseUrl: string, received: Received[] }> {
  const received: Received[] = []
  const baseUrl = await serve(t, (request, response) => {
    const answer = answers[Math.min(received.push(request), answers.length) - 1]
    if (answer === 'lost') return response.destroy()
    const [status, fields] = answer
    response.writeHead(status, { 'eb-reason-phrase': `Reason ${status}`, ...fields }).end()
  })
  return { baseUrl, received }
}

const retry: RetryOptions = { baseDelay: 1, maxDelay: 5 }
const key = { id: 'dev', secret: 'hush' }
const marked = (status: number, idempotencyStatus: string, fields = {}): Answer => [status, { 'idempotency-status': idempotencyStatus, ...fields }]

t.test('retries requests with an idempotent method or with a key', async t => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
    for (const answer of ['lost', [500], [302]] as Answer[]) {
      const { baseUrl, received } = await answerWith(t, answer, [204])
      t.match(await createClient({ baseUrl, retry })(method, '/'), { outcome: 'success', status: 204, attempts: 2, replayed: false }, method)
      t.equal(received.length, 2)
    }
  }
  for (const method of ['POST', 'PATCH']) {
    const { baseUrl, received } = await answerWith(t, 'lost', [204])
    t.match(await createClient({ baseUrl, retry })(method, '/'), { outcome: 'unknown', attempts: 1 })
    t.equal(received.length, 1)
    t.match(await createClient({ baseUrl, retry })(method, '/', { idempotencyKey: 'a' }), { outcome: 'success' })
    t.match(await createClient({ baseUrl: (await answerWith(t, 'lost', [204])).baseUrl, retry })(method, '/', { idempotencyKey: 'a' }), { outcome: 'success', attempts: 2, idempotencyKey: 'a' })
  }
})

t.test('sends each request once without the option retry', async t => {
  const { baseUrl, received } = await answerWith(t, [503])
  const { headers, ...result } = await createClient({ baseUrl })('GET', '/')
  t.strictSame(result, { outcome: 'unknown', status: 503, reason: 'Reason 503' }, 'the result has no details of the call')
  t.match(await createClient({ baseUrl })('POST', '/', { idempotencyKey: 'a' }), { outcome: 'unknown', attempts: 1, replayed: false, idempotencyKey: 'a' })
  t.equal(received.length, 2)
})

t.test('returns unknown if a retry without a recorded outcome is rejected with a 4xx', async t => {
  const result = async (answers: Answer[], idempotencyKey?: string) => createClient({ baseUrl: (await answerWith(t, ...answers)).baseUrl, retry })('DELETE', '/', { idempotencyKey })
  t.match(await result(['lost', [404]]), { outcome: 'unknown', status: 404, reason: 'Attempt 1: other side closed. Attempt 2: Reason 404', attempts: 2 })
  t.match(await result([[404]]), { outcome: 'rejected', status: 404, reason: 'Reason 404', attempts: 1 })
  t.match(await result(['lost', [401]], 'a'), { outcome: 'unknown', status: 401 })
  t.match(await result(['lost', marked(404, 'rejected', { 'idempotent-replayed': 'true' })], 'a'), { outcome: 'rejected', status: 404, reason: 'Reason 404', replayed: true })
  t.match(await result(['lost', marked(422, 'closed')], 'a'), { outcome: 'rejected', status: 422 })
  t.match(await result(['lost', marked(422, 'expired')], 'a'), { outcome: 'unknown', status: 422, reason: /^The idempotency key has expired/ })
  t.match(await result(['lost', marked(422, 'mismatch')], 'a'), { outcome: 'unknown', status: 422, reason: /^The idempotency key was used for another request/ })
  for (const status of ['expired', 'mismatch']) t.match(await result([marked(422, status)], 'a'), { outcome: 'rejected', attempts: 1 })
})

t.test('sends the same key and the same bytes, each time with a new signature', async t => {
  const form = new FormData()
  form.append('a', new Blob(['b']))
  const mutable = { name: 'orders' }
  for (const body of [{ name: 'órders' }, 'text', Uint8Array.of(0, 255), new Blob(['a'], { type: 'a/b' }), new URLSearchParams({ a: 'b' }), form, mutable, '', undefined]) {
    const { baseUrl, received } = await answerWith(t, [500], 'lost', [201])
    mutable.name = 'orders'
    const result = createClient({ baseUrl, retry, key })('POST', '/topic', { body, idempotencyKey: 'a"b\\c', query: { a: 'b' }, headers: { 'x-a': 'c' } })
    mutable.name = 'changed'
    t.match(await result, { outcome: 'success', attempts: 3, idempotencyKey: 'a"b\\c' })
    const [first, ...others] = received
    t.equal(others.length, 2)
    t.match(first.headers, { 'idempotency-key': '"a\\"b\\\\c"', 'x-a': 'c' })
    if (body === mutable) t.equal(first.body.toString(), '{"name":"orders"}')
    for (const request of received) {
      t.equal(findSignatureError(request, key.id, key.secret), undefined)
      t.match(request.headers['signature-input'], '"idempotency-key"')
    }
    for (const { method, url, headers, body } of others) {
      const { 'signature-input': input, signature, ...fields } = headers
      const { 'signature-input': firstInput, signature: firstSignature, ...firstFields } = first.headers
      t.strictSame({ method, url, body, fields }, { method: first.method, url: first.url, body: first.body, fields: firstFields })
      t.not(signature, firstSignature)
      t.not(/nonce="[^"]+"/.exec(String(input))![0], /nonce="[^"]+"/.exec(String(firstInput))![0])
    }
  }
})

t.test('signs each attempt with its own time', async t => {
  let now = 1_700_000_000_000
  t.intercept(Date, 'now', { value: () => (now += 1000) })
  const { baseUrl, received } = await answerWith(t, [500], [201])
  await createClient({ baseUrl, retry, key })('PUT', '/')
  const [first, second] = received.map(({ headers }) => Number(/created=(\d+)/.exec(String(headers['signature-input']))![1]))
  t.ok(second > first)
})

t.test('creates a key for true', async t => {
  const { baseUrl, received } = await answerWith(t, 'lost', [201])
  const clients: BasicClient[] = [createClient({ baseUrl, retry }), createBasicClient({ baseUrl })]
  for (const client of clients) {
    const { idempotencyKey } = await client('POST', '/', { idempotencyKey: true })
    t.ok(Math.abs(getKeyTime(idempotencyKey)! - Date.now()) < 60_000)
    t.equal(received.at(-1)!.headers['idempotency-key'], `"${idempotencyKey}"`)
  }
  t.equal(received[0].headers['idempotency-key'], received[1].headers['idempotency-key'])
  t.not(received[1].headers['idempotency-key'], received[2].headers['idempotency-key'])
})

t.test('rejects an invalid key before anything is sent', async t => {
  const { baseUrl, received } = await answerWith(t, [201])
  const clients: BasicClient[] = [createClient({ baseUrl }), createBasicClient({ baseUrl })]
  for (const client of clients) {
    for (const idempotencyKey of ['', 'é', '..', 'a'.repeat(256)]) await t.rejects(client('POST', '/', { idempotencyKey }), { name: 'TypeError', message: /idempotencyKey must have 1 to 255 characters/ })
  }
  t.equal(received.length, 0)
})

t.test('rejects a stream if the request may be retried', async t => {
  const { baseUrl, received } = await answerWith(t, [201])
  const stream = () => new Blob(['a']).stream()
  async function * pieces () { yield Buffer.from('a') }
  const message = 'fastify-reason-phrase: body must not be a stream if the request may be repeated; read it into bytes first'
  for (const body of [stream, pieces]) {
    await t.rejects(createClient({ baseUrl, retry })('POST', '/', { body: body() }), { name: 'TypeError', message })
    await t.rejects(createClient({ baseUrl })('POST', '/', { body: body(), idempotencyKey: 'a' }), { name: 'TypeError', message })
    await t.rejects(createBasicClient({ baseUrl })('POST', '/', { body: body(), idempotencyKey: 'a' }), { name: 'TypeError', message })
  }
  t.equal(received.length, 0)
  t.match(await createClient({ baseUrl })('POST', '/', { body: stream() }), { outcome: 'success' })
})

t.test('a request that could not be sent', async t => {
  t.test('is retried with any method, because it did nothing', async t => {
    const baseUrl = `http://127.0.0.1:${await closedPort()}`
    t.match(await createClient({ baseUrl, retry })('POST', '/'), { outcome: 'rejected', reason: /^connect ECONNREFUSED/, cause: TypeError, attempts: 5 })
    t.match(await createClient({ baseUrl })('POST', '/'), { outcome: 'rejected', attempts: undefined })
  })

  t.test('leaves the outcome of an earlier attempt unknown', async t => {
    let connections = 0
    const lost = await answerWith(t, 'lost')
    const connector = buildConnector({})
    dispatchWith(t, new Agent({ connect: (options, callback) => connections++ > 0 ? callback(new Error('refused'), null) : connector(options, callback) }))
    t.match(await createClient({ baseUrl: lost.baseUrl, retry: { ...retry, attempts: 2 } })('POST', '/', { idempotencyKey: 'a', body: 'a' }), {
      outcome: 'unknown', reason: 'Attempt 1: other side closed. Attempt 2: refused', attempts: 2
    })
    t.equal(lost.received.length, 1)
  })
})

t.test('waits while another request with the key is being executed', async t => {
  const { baseUrl } = await answerWith(t, marked(503, 'executing', { 'retry-after': '1' }), marked(201, 'succeeded', { 'idempotent-replayed': 'true' }))
  const start = performance.now()
  t.match(await createClient({ baseUrl, retry: { ...retry, attempts: 1 } })('POST', '/', { idempotencyKey: 'a' }), { outcome: 'success', attempts: 2, replayed: true })
  t.ok(performance.now() - start >= 990)
})

t.test('limits each attempt by the timeout, and all attempts by the deadline', async t => {
  const baseUrl = 'http://127.0.0.1'
  let calls = 0
  const slow = async () => calls++ === 0 ? await new Promise<never>(() => {}) : new Response(null, { status: 204 })
  t.match(await createClient({ baseUrl, fetch: slow, timeout: 50, retry })('GET', '/'), { outcome: 'success', attempts: 2 })
  const hanging = createClient({ baseUrl, fetch: () => new Promise(() => {}), timeout: 20, retry: { ...retry, attempts: 1000, deadline: 100 } })
  t.match(await hanging('GET', '/'), { outcome: 'unknown', reason: /No response within (20|100) ms$/ })
  const patient = createClient({ baseUrl, fetch: () => new Promise(() => {}), retry: { deadline: 50 } })
  t.match(await patient('GET', '/'), { outcome: 'unknown', reason: 'No response within 50 ms', attempts: 1 })
})

t.test('ends at once if the caller aborts', async t => {
  const controller = new AbortController()
  const { baseUrl } = await answerWith(t, [503, { 'retry-after': '30' }])
  const onAttempt = ({ attempt }: AttemptEvent) => { if (attempt === 2) setImmediate(() => controller.abort('no more')) }
  t.match(await createClient({ baseUrl, retry })('GET', '/', { signal: controller.signal, onAttempt }), {
    outcome: 'unknown', reason: 'Attempt 1: Reason 503. Attempt 2: no more', cause: 'no more'
  })
  t.match(await createClient({ baseUrl, retry })('GET', '/', { signal: AbortSignal.abort('never') }), { outcome: 'rejected', reason: 'never', attempts: 1 })
})

t.test('calls onAttempt with the key before the first byte is sent', async t => {
  const { baseUrl, received } = await answerWith(t, 'lost', [201])
  const saved: Array<[key: string | undefined, requests: number]> = []
  const onAttempt = async ({ idempotencyKey }: AttemptEvent) => { saved.push([idempotencyKey, received.length]) }
  const { idempotencyKey } = await createClient({ baseUrl, retry, onAttempt })('POST', '/', { idempotencyKey: true })
  t.strictSame(saved, [[idempotencyKey, 0], [idempotencyKey, 1]])

  t.test('calls the onAttempt of a call instead of that of the client, even without retries', async t => {
    const events: AttemptEvent[] = []
    await createClient({ baseUrl, onAttempt: () => t.fail('not called') })('POST', '/', { idempotencyKey: 'a', onAttempt: event => events.push(event) })
    t.strictSame(events, [{ attempt: 1, idempotencyKey: 'a', result: undefined, delay: 0 }])
  })
})

t.test('executes an operation once, and returns the recorded response', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  const store = new TestStore()
  await app.register(idempotency, { store, scope: () => 'caller' })
  app.post('/topic', { config: { idempotency: 'required' } }, async (request, reply) => {
    const { name } = request.body as { name: string }
    if (name === 'taken') return reply.unprocessable('The name is taken')
    ;(request.transaction as any).insert(name)
    return reply.created({ name })
  })
  let lose = true
  // The response is lost after the commit.
  app.addHook('onSend', async (request) => { if (lose) request.raw.socket.destroy() })
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const client = createClient({ baseUrl, retry, onAttempt: ({ attempt }) => { lose = attempt === 1 } })
  t.match(await client<{ name: string }>('POST', '/topic', { body: { name: 'a' }, idempotencyKey: 'a' }), { outcome: 'success', status: 201, body: { name: 'a' }, attempts: 2, replayed: true })
  t.match(await client('POST', '/topic', { body: { name: 'taken' }, idempotencyKey: 'b' }), { outcome: 'rejected', status: 422, reason: 'The name is taken', attempts: 2, replayed: true })
  t.match(await client('POST', '/topic', { body: { name: 'b' }, idempotencyKey: true }), { outcome: 'success', attempts: 2, replayed: true })
  t.strictSame(store.effects, ['a', 'b'])
})

t.test('sends each request once with the basic client', async t => {
  const { baseUrl, received } = await answerWith(t, [503], 'lost')
  const { headers, ...result } = await createBasicClient({ baseUrl })('GET', '/')
  t.strictSame(result, { outcome: 'unknown', status: 503, reason: 'Reason 503' })
  t.match(await createBasicClient({ baseUrl, key })('POST', '/', { idempotencyKey: 'a', body: 'a' }), { outcome: 'unknown', reason: 'other side closed', idempotencyKey: 'a', attempts: 1, replayed: false })
  t.equal(received.length, 2)
  t.match(received[1].headers, { 'idempotency-key': '"a"', signature: String })
  t.equal(findSignatureError(received[1], key.id, key.secret), undefined)
  t.match(await createBasicClient({ baseUrl: await serve(t, echo), timeout: 10_000 })('PUT', '/a', { body: { a: 1 } }), { outcome: 'success', body: { url: '/a', body: '{"a":1}' } })
  t.match(await createBasicClient({ baseUrl, timeout: 20, fetch: () => new Promise(() => {}) })('GET', '/'), { outcome: 'unknown', reason: 'No response within 20 ms' })
  t.throws(() => createBasicClient({ baseUrl: '' }), TypeError)
})
