import t, { type Test } from 'tap'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects, type ServiceDatabase } from '../../fixtures/idempotent-service.js'
import { connect, valuesOf, type WireResponse } from '../../fixtures/wire.js'

// The tests start processes, which takes time.
t.setTimeout(120_000)

const REQUESTS = 50
// Short, so that a handler can exceed it in a short time.
const WAIT_MS = 400

const handlers = [
  { title: 'a handler of 5 ms', time: 5 },
  { title: 'a handler that takes longer than others wait', time: 3 * WAIT_MS }
]

// The number of rejected keys, and the number of concurrent requests for each. Both processes can begin to execute a rejected
// key.
const REJECTED_KEYS = 20
const REJECTED_REQUESTS = 6

const script = await bundleServer(t)

/** Sends the same request on several connections at the same time, alternating between the processes. */
async function sendAtOnce (services: readonly ServiceProcess[], request: KeyedRequest, requests = REQUESTS): Promise<WireResponse[]> {
  const connections = Array.from({ length: requests }, (_, index) => connect(services[index % services.length]!.port))
  await Promise.all(connections.map(async ({ socket }) => {
    if (socket.connecting) await new Promise(resolve => { socket.once('connect', resolve) })
  }))
  for (const { write } of connections) write(toBytes(request))
  const responses = await Promise.all(connections.map(async ({ responses }) => (await responses(1))[0]!))
  for (const { destroy } of connections) destroy()
  return responses
}

const isReplay = (response: WireResponse): boolean => valuesOf(response, 'idempotent-replayed').includes('true')

const isRefused = (response: WireResponse): boolean => response.statusCode === 503 && valuesOf(response, 'retry-after')[0] === '1'

const RECORDED_FIELDS = ['content-type', 'content-length', 'location', 'idempotency-status']

/** Returns the parts that are equal in all responses of an operation. */
function toAnswer (response: WireResponse) {
  const { statusCode, phrase, body } = response
  return { statusCode, phrase, fields: RECORDED_FIELDS.map(name => valuesOf(response, name)), body }
}

async function testHandler (t: Test, services: readonly ServiceProcess[], database: ServiceDatabase, time: number): Promise<void> {
  const name = `effect-of-${time}-ms`
  const request = { key: name, body: { name, time } }
  const responses = await sendAtOnce(services, request)
  const accepted = responses.filter(({ statusCode }) => statusCode < 400)
  const others = responses.filter(({ statusCode }) => statusCode >= 400)

  const [effect, ...moreEffects] = await readEffects(database, name)
  t.strictSame(moreEffects, [], 'has one effect')
  t.equal(accepted.filter(response => !isReplay(response)).length, 1, 'executes the handler for one response')
  const answer = toAnswer(accepted[0]!)
  t.strictSame([answer.statusCode, JSON.parse(answer.body).execution], [201, effect!.execution], 'sends the response that belongs to the effect')
  t.strictSame(accepted.filter(response => JSON.stringify(toAnswer(response)) !== JSON.stringify(answer)), [], 'sends the same bytes in all responses')
  t.strictSame(others.filter(response => !isRefused(response)), [], 'sends 503 with Retry-After to all other requests')
  t.comment(`${accepted.length} responses below 400, ${others.length} responses with 503`)

  for (const service of services) {
    const repetition = await service.send(request)
    t.ok(isReplay(repetition), 'replays the response to a retry')
    t.strictSame(toAnswer(repetition), answer, 'replays the same bytes')
  }
  t.strictSame(await readEffects(database, name), [effect], 'still has one effect')
}

async function testRejections (t: Test, services: readonly ServiceProcess[], database: ServiceDatabase): Promise<void> {
  let rejections = 0
  for (let number = 0; number < REJECTED_KEYS; number++) {
    const name = `rejected-${number}`
    const request = { key: name, body: { name, status: 422 } }
    const isRejected = (response: WireResponse): boolean =>
      response.statusCode === 422 && response.phrase === `The effect ${name} is refused` && valuesOf(response, 'idempotency-status')[0] === 'rejected'
    const responses = await sendAtOnce(services, request, REJECTED_REQUESTS)
    t.strictSame(responses.filter(response => !isRejected(response) && !isRefused(response)), [], 'rejects all requests, or sends 503 with Retry-After')
    rejections += responses.filter(isRejected).length
    for (const service of services) {
      const repetition = await service.send(request)
      t.ok(isRejected(repetition) && isReplay(repetition), 'replays the rejection to a retry')
    }
    t.strictSame(await readEffects(database, name), [], 'has no effect')
  }
  t.comment(`${rejections} of ${REJECTED_KEYS * REJECTED_REQUESTS} responses are the rejection`)
}

for (const { name, skip, open } of storesUnderTest) {
  t.test(`two processes execute ${REQUESTS} concurrent requests with the same key once, with ${name}`, { skip }, async t => {
    const settings = { store: name, location: await open(t), options: { wait: WAIT_MS } }
    const database = await openDatabase(settings)
    t.teardown(() => database.close())
    await createTables(database)
    const services = await Promise.all(Array.from({ length: 2 }, async () => await ServiceProcess.start(t, script, settings)))
    for (const { title, time } of handlers) {
      await t.test(title, async t => { await testHandler(t, services, database, time) })
    }
    await t.test('a handler that rejects', async t => { await testRejections(t, services, database) })
  })
}
