import t, { type Test } from 'tap'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects, type ServiceDatabase } from '../../fixtures/idempotent-service.js'
import { connect, valuesOf, type WireResponse } from '../../fixtures/wire.js'

// The tests start processes.
t.setTimeout(120_000)

const REQUESTS = 50
// Short, so that a handler that takes longer need not take long.
const WAIT_MS = 400

const handlers = [
  { title: 'a handler of 5 ms', time: 5 },
  { title: 'a handler that takes longer than others wait', time: 3 * WAIT_MS }
]

// How many keys are rejected, and how often each is sent at once. Two processes can begin to execute a key that is rejected.
const REJECTED_KEYS = 20
const REJECTED_REQUESTS = 6

const script = await bundleServer(t)

/** Sends the same request on several connections at once, to the processes in turn. */
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

/** Returns what all answers of an operation have in common. */
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
  t.equal(accepted.filter(response => !isReplay(response)).length, 1, 'answers one request by its handler')
  const answer = toAnswer(accepted[0]!)
  t.strictSame([answer.statusCode, JSON.parse(answer.body).execution], [201, effect!.execution], 'sends the answer of the effect')
  t.strictSame(accepted.filter(response => JSON.stringify(toAnswer(response)) !== JSON.stringify(answer)), [], 'sends the same bytes each time')
  t.strictSame(others.filter(response => !isRefused(response)), [], 'tells all others to repeat their request')
  t.comment(`${accepted.length} answers below 400, ${others.length} answers with 503`)

  for (const service of services) {
    const repetition = await service.send(request)
    t.ok(isReplay(repetition), 'replays the answer to a repetition')
    t.strictSame(toAnswer(repetition), answer, 'with the same bytes')
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
    t.strictSame(responses.filter(response => !isRejected(response) && !isRefused(response)), [], 'rejects all, or tells them to repeat their request')
    rejections += responses.filter(isRejected).length
    for (const service of services) {
      const repetition = await service.send(request)
      t.ok(isRejected(repetition) && isReplay(repetition), 'replays the rejection to a repetition')
    }
    t.strictSame(await readEffects(database, name), [], 'has no effect')
  }
  t.comment(`${rejections} of ${REJECTED_KEYS * REJECTED_REQUESTS} answers with the rejection`)
}

for (const { name, skip, open } of storesUnderTest) {
  t.test(`two processes execute ${REQUESTS} concurrent requests with one key once, with ${name}`, { skip }, async t => {
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
