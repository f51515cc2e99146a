import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { storesUnderTest, toBytes, type KeyedRequest, type StoreUnderTest } from '../../fixtures/idempotent-process.js'
import { addEffect, createIdempotentService, createTables, openDatabase, readEffects, type IdempotentService, type Observer, type ServiceDatabase, type ServiceSettings, type StoreSettings } from '../../fixtures/idempotent-service.js'
import { connect, exchange, listen, parse, valuesOf, type WireResponse } from '../../fixtures/wire.js'

t.setTimeout(120_000)

const REQUESTS = 300
const POOL_SIZE = 10
const MAX_IN_FLIGHT = 5
/** The number of clients that send requests without a key at the same time. */
const OTHERS = 2
const HANDLER_MS = 50
/** The number of rejected requests that are retried. */
const REPEATED = 30

/** A database, and the settings of a service that uses it. */
interface TestDatabase {
  readonly settings: StoreSettings
  /** The database, opened by the test with its own pool. */
  readonly outside: ServiceDatabase
}

async function create (t: Test, { name, open }: StoreUnderTest): Promise<TestDatabase> {
  const settings = { store: name, location: await open(t), poolSize: POOL_SIZE }
  const outside = await openDatabase(settings)
  t.teardown(() => outside.close())
  await createTables(outside)
  return { settings, outside }
}

/** A listening service. */
interface Listening extends IdempotentService {
  readonly port: number
}

async function start (t: Test, settings: ServiceSettings, observe?: Observer): Promise<Listening> {
  const service = await createIdempotentService(settings, observe)
  return { ...service, port: await listen(t, service.app) }
}

const send = async (port: number, request: KeyedRequest): Promise<WireResponse> => await exchange(port, toBytes(request))

const isRefused = (response: WireResponse): boolean => response.statusCode === 503 && valuesOf(response, 'retry-after')[0] === '1'
const isReplay = (response: WireResponse): boolean => valuesOf(response, 'idempotent-replayed').includes('true')

/** Sends requests without a key until `work` is done. Returns the result of the work, and the responses. */
async function withOthers<Result> (port: number, work: () => Promise<Result>): Promise<{ result: Result, others: WireResponse[] }> {
  const load = new AbortController()
  const others = Promise.all(Array.from({ length: OTHERS }, async () => {
    const responses: WireResponse[] = []
    while (!load.signal.aborted) responses.push(await exchange(port, 'GET /query HTTP/1.1\r\nHost: a\r\n\r\n'))
    return responses
  }))
  const result = await work()
  load.abort()
  return { result, others: (await others).flat() }
}

function assertLimits (t: Test, { database }: Listening, others: WireResponse[], maxTransactions: number): void {
  t.ok(others.length > OTHERS && others.every(({ statusCode, body }) => statusCode === 200 && body === '[{"one":1}]'), `responds to ${others.length} requests without a key`)
  t.ok(database.maxInUse <= maxTransactions + OTHERS, `uses ${database.maxInUse} of ${POOL_SIZE} connections, so no request waits for a connection`)
}

async function testManyKeys (t: Test, { settings, outside }: TestDatabase): Promise<void> {
  const service = await start(t, { ...settings, options: { maxInFlight: MAX_IN_FLIGHT } })
  const keys = Array.from({ length: REQUESTS }, (_, index) => `key ${index}`)
  const execute = async (key: string): Promise<WireResponse> => await send(service.port, { key, body: { name: key, time: HANDLER_MS } })
  const names = async (): Promise<string[]> => (await readEffects(outside)).map(({ name }) => name).filter(name => name.startsWith('key')).sort()

  const { result: responses, others } = await withOthers(service.port, async () => await Promise.all(keys.map(execute)))
  assertLimits(t, service, others, MAX_IN_FLIGHT)
  const succeeded = keys.filter((_, index) => responses[index]!.statusCode === 201)
  t.ok(succeeded.length > 0 && responses.every(response => response.statusCode === 201 || isRefused(response)), `executes ${succeeded.length} keys, and sends 503 for the others`)
  t.strictSame(await names(), [...succeeded].sort(), 'has one effect for each succeeded key')

  const later = keys.filter(key => !succeeded.includes(key)).slice(-REPEATED)
  await Promise.all(later.map(async key => {
    while ((await execute(key)).statusCode !== 201);
  }))
  t.strictSame(await names(), [...succeeded, ...later].sort(), 'executes the other keys later')
}

async function testOneKey (t: Test, { settings, outside }: TestDatabase): Promise<void> {
  const service = await start(t, { ...settings, options: { maxInFlight: MAX_IN_FLIGHT } })
  const request = { key: 'one', body: { name: 'one', time: HANDLER_MS } }
  const { result: responses, others } = await withOthers(service.port, async () => await Promise.all(Array.from({ length: REQUESTS }, async () => await send(service.port, request))))
  assertLimits(t, service, others, 1)
  const accepted = responses.filter(({ statusCode }) => statusCode === 201)
  t.equal(new Set(accepted.map(({ body }) => body)).size, 1, `sends the same response ${accepted.length} times`)
  t.ok(responses.every(response => response.statusCode === 201 || isRefused(response)), 'sends 503 to the others')
  t.equal((await readEffects(outside, 'one')).length, 1, 'has one effect')
}

/** Interrupts one statement: calls a function before or after it. */
class Interruption {
  readonly #when: 'before' | 'after'
  readonly #statement: RegExp
  #interrupt: (() => Promise<unknown>) | undefined

  constructor ({ when, statement }: { when: 'before' | 'after', statement: RegExp }) {
    this.#when = when
    this.#statement = statement
  }

  /** Sets the function that is called at the next matching statement. */
  set (interrupt: () => Promise<unknown>): void {
    this.#interrupt = interrupt
  }

  readonly observe: Observer = async (text, run) => {
    const interrupt = this.#interrupt
    if (interrupt === undefined || !this.#statement.test(text)) return await run()
    this.#interrupt = undefined
    if (this.#when === 'before') await interrupt()
    const result = await run()
    if (this.#when === 'after') await interrupt()
    return result
  }
}

const IN_HANDLER = { title: 'in the handler', when: 'after', statement: /insert into effect/ } as const

async function testWait (t: Test, { settings, outside }: TestDatabase): Promise<void> {
  const interruption = new Interruption(IN_HANDLER)
  const options = { wait: 100, timeout: 5_000, maxInFlight: MAX_TRANSACTIONS[settings.store] }
  const { port } = await start(t, { ...settings, options }, interruption.observe)
  const execute = async (name: string): Promise<WireResponse> => await send(port, { key: name, body: { name } })

  let leave = (): void => {}
  const left = new Promise<void>(resolve => { leave = resolve })
  const entered = new Promise<void>(resolve => {
    interruption.set(async () => {
      resolve()
      await left
    })
  })
  const first = execute('first')
  await entered
  const second = await execute('second')
  t.match([second.statusCode, second.phrase], [503, /Too many requests with idempotency keys/], 'sends 503 to a request with another key')
  t.strictSame(await readEffects(outside, 'first'), [], 'the first request is still being executed')
  leave()
  t.strictSame([(await first).statusCode, (await execute('second')).statusCode], [201, 201], 'executes both requests in the end')
  for (const name of ['first', 'second']) t.equal((await readEffects(outside, name)).length, 1, 'executes each request once')
}

/** The option `maxInFlight` in {@link testWait}. SQLite has only one transaction, independent of the option. */
const MAX_TRANSACTIONS = {
  'kyselyStore on SQLite': 5,
  'kyselyStore on PostgreSQL': 1,
  'kyselyStore on MariaDB': 1,
  'pgStore on PostgreSQL': 1
}

async function testTimeout (t: Test, { settings, outside }: TestDatabase): Promise<void> {
  const { app, database } = await createIdempotentService({ ...settings, options: { timeout: 100 } })
  let leave = (): void => {}
  const left = new Promise<void>(resolve => { leave = resolve })
  let lateEffect = Promise.resolve()
  let executions = 0
  app.post('/late', { config: { idempotency: 'optional' } }, async request => {
    const { transaction } = request
    await addEffect(database, { name: 'late', execution: 'in time' }, transaction)
    if (++executions > 1) return 'ok'
    await left
    lateEffect = addEffect(database, { name: 'late', execution: 'too late' }, transaction)
    await lateEffect
  })
  const port = await listen(t, app)
  const request = { path: '/late', key: 'late', body: {} }

  const response = await send(port, request)
  t.match([response.statusCode, response.phrase], [503, /The request took too long and was rolled back/], 'sends 503 to the request')
  t.match(await send(port, request), { statusCode: 200, body: 'ok' }, 'executes a retry')
  leave()
  await left
  await t.rejects(lateEffect, { message: /a handler used its transaction after the transaction had ended/ }, 'the first handler cannot add an effect any more')
  t.strictSame(await readEffects(outside, 'late'), [{ name: 'late', execution: 'in time' }], 'has one effect')
}

const moments = [
  { title: 'before the insert', when: 'before', statement: /insert into idempotency/ },
  { title: 'after the insert', when: 'after', statement: /insert into idempotency/ },
  IN_HANDLER,
  { title: 'before the commit', when: 'before', statement: /\bcommit$/ },
  { title: 'after the commit', when: 'after', statement: /\bcommit$/ }
] as const

type Moment = typeof moments[number]

// Long enough that the service has handled an event.
const PAUSE_MS = 20

/**
 * Sends a request, and destroys its connection at the interruption. When the service has noticed this, calls `andThen` and
 * resolves.
 */
async function sendAndLeave ({ app, port }: Listening, request: KeyedRequest, interruption: Interruption, andThen = (): void => {}): Promise<void> {
  const connected = once(app.server, 'connection')
  const connection = connect(port)
  const [socket] = await connected as [Socket]
  await new Promise<void>(resolve => {
    interruption.set(async () => {
      const closed = once(socket, 'close')
      connection.destroy()
      await closed
      andThen()
      resolve()
      await sleep(PAUSE_MS)
    })
    connection.write(toBytes(request))
  })
}

/** Returns the number of records and the number of effects of a key. */
async function count ({ outside }: TestDatabase, key: string): Promise<{ records: number, effects: number }> {
  const records = await outside.query(`select id from idempotency where state = 'succeeded' and idempotency_key = '${key}'`)
  return { records: records.length, effects: (await readEffects(outside, key)).length }
}

const ONCE = { records: 1, effects: 1 }

async function testLeaving (t: Test, database: TestDatabase, moment: Moment): Promise<void> {
  const key = `left ${moment.title}`
  const request: KeyedRequest = { key, body: { name: key } }
  const interruption = new Interruption(moment)
  const service = await start(t, database.settings, interruption.observe)
  await sendAndLeave(service, request, interruption)
  const repetition = await send(service.port, request)
  t.strictSame([repetition.statusCode, isReplay(repetition)], [201, true], 'replays the response')
  t.strictSame(await count(database, key), ONCE, 'has one effect')
}

async function testClosing (t: Test, database: TestDatabase, moment: Moment): Promise<void> {
  const key = `closed ${moment.title}`
  const request: KeyedRequest = { key, body: { name: key } }
  const interruption = new Interruption(moment)
  const { app, port } = await start(t, database.settings, interruption.observe)
  let closed: Promise<void> | undefined
  interruption.set(async () => {
    closed = app.close()
    await sleep(PAUSE_MS)
  })
  const connection = connect(port)
  connection.write(toBytes({ ...request, lines: ['Connection: close'] }))
  const [response] = parse(await connection.closed()).responses
  await closed
  t.equal(response?.statusCode, 201, 'sends the response')
  t.strictSame(await count(database, key), ONCE, 'has one effect')

  const repetition = await send((await start(t, database.settings)).port, request)
  t.strictSame([repetition.statusCode, repetition.body, isReplay(repetition)], [201, response?.body, true], 'replays the response after the restart')
  t.strictSame(await count(database, key), ONCE, 'still has one effect')
}

async function testLeavingAndClosing (t: Test, database: TestDatabase, moment: Moment): Promise<void> {
  const key = `left and closed ${moment.title}`
  const request: KeyedRequest = { key, body: { name: key } }
  const interruption = new Interruption(moment)
  const service = await start(t, database.settings, interruption.observe)
  let closed: Promise<void> | undefined
  await sendAndLeave(service, request, interruption, () => { closed = service.app.close() })
  await closed
  const { records, effects } = await count(database, key)
  t.equal(records, effects, `has ${records} records and ${effects} effects`)

  const repetition = await send((await start(t, database.settings)).port, request)
  t.strictSame([repetition.statusCode, isReplay(repetition)], [201, records === 1], 'executes the retry unless the operation was committed')
  t.strictSame(await count(database, key), ONCE, 'has one effect')
}

for (const store of storesUnderTest) {
  t.test(`keeps the limits, with ${store.name}`, { skip: store.skip }, async t => {
    const database = await create(t, store)
    // SQLite has only one connection.
    if (!store.isFile) {
      await t.test(`${REQUESTS} concurrent keys leave connections for other requests`, async t => { await testManyKeys(t, database) })
      await t.test(`${REQUESTS} concurrent requests with one key leave connections for other requests`, async t => { await testOneKey(t, database) })
    }
    await t.test('limits the time that a request waits for the transactions of other keys', async t => { await testWait(t, database) })
    await t.test('rolls back a request that takes too long', async t => { await testTimeout(t, database) })
    for (const moment of moments) {
      await t.test(`commits even if the client disconnects ${moment.title}`, async t => { await testLeaving(t, database, moment) })
      await t.test(`sends the response even if the service is closed ${moment.title}`, async t => { await testClosing(t, database, moment) })
      await t.test(`commits or rolls back if the client disconnects and the service is closed ${moment.title}`, async t => { await testLeavingAndClosing(t, database, moment) })
    }
  })
}
