import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects } from '../../fixtures/idempotent-service.js'
import { summarize } from '../../fixtures/keyed-service.js'
import { until } from '../../fixtures/maintenance.js'
import { connect, type WireResponse } from '../../fixtures/wire.js'

// The tests start processes, which takes time.
t.setTimeout(120_000)

const OUTCOMES = '/operation'
const WAIT_MS = 200
const KEYS = 30
const EXECUTING = { statusCode: 503, status: 'executing', retryAfter: '1' }
const CLOSED = { statusCode: 422, status: 'closed' }

const script = await bundleServer(t)

/** Sends a request with a key. The name of its effect is the key. */
async function execute (service: ServiceProcess, key: string, command: object = {}): Promise<WireResponse> {
  return await service.send({ key, body: { name: key, ...command } })
}

/** Requests the outcome of a key. */
async function find (service: ServiceProcess, key: string): Promise<WireResponse> {
  return await service.send({ method: 'GET', path: `${OUTCOMES}/${key}`, body: '' })
}

/** Closes a key. */
async function close (service: ServiceProcess, key: string): Promise<WireResponse> {
  return await service.send({ method: 'PUT', path: `${OUTCOMES}/${key}`, body: { state: 'closed' } })
}

async function isExecuting (service: ServiceProcess, key: string): Promise<boolean> {
  const { statusCode, body } = await find(service, key)
  return statusCode === 200 && JSON.parse(body).state === 'executing'
}

/** Retries a request as long as the response is 503. */
async function repeat (send: () => Promise<WireResponse>): Promise<WireResponse> {
  let response = await send()
  while (response.statusCode === 503) {
    await sleep(5)
    response = await send()
  }
  return response
}

for (const { name: store, skip, isFile, open } of storesUnderTest) {
  t.test(`closes keys, with ${store}`, { skip }, async t => {
    const location = await open(t)
    const database = await openDatabase({ store, location })
    t.teardown(() => database.close())
    await createTables(database)
    const countEffects = async (key: string): Promise<number> => (await readEffects(database, key)).length
    const start = async (t: Test): Promise<ServiceProcess> => await ServiceProcess.start(t, script, { store, location, options: { outcomes: OUTCOMES, wait: WAIT_MS } })
    const [first, second] = await Promise.all([start(t), start(t)])

    t.test('does not execute a request that arrives at another process after the key was closed', async t => {
      const bytes = toBytes({ key: 'late', body: { name: 'late' } })
      for (const split of [bytes.indexOf('late') + 1, bytes.length - 1]) {
        const late = connect(second.port)
        late.write(bytes.slice(0, split))
        const closing = await close(first, 'late')
        t.match([closing.statusCode, JSON.parse(closing.body)], [200, { key: 'late', state: 'closed', createdAt: String, settledAt: String }])
        late.write(bytes.slice(split))
        t.match(summarize((await late.responses(1))[0]!), CLOSED)
        late.destroy()
        for (const service of [first, second]) {
          t.match(summarize(await execute(service, 'late')), CLOSED)
          for (const response of [await close(service, 'late'), await find(service, 'late')]) t.equal(response.body, closing.body)
        }
      }
      t.equal(await countEffects('late'), 0)
    })

    t.test('returns the recorded response to a request that another process has executed', async t => {
      for (const [key, status, state] of [['success', 201, 'succeeded'], ['rejection', 422, 'rejected']] as const) {
        const { statusCode, body } = await execute(first, key, { status })
        const outcome = JSON.parse((await close(second, key)).body)
        t.match(outcome, { key, state, statusCode, createdAt: String, settledAt: String })
        t.strictSame([outcome.body, outcome.reason], state === 'succeeded' ? [body, undefined] : [undefined, 'The effect rejection is refused'])
        t.strictSame(JSON.parse((await close(first, key)).body), outcome)
        t.equal(await countEffects(key), state === 'succeeded' ? 1 : 0)
      }
    })

    t.test('does not close a key while another process executes its request', async t => {
      const execution = execute(first, 'executing', { time: 3000 })
      await until(async () => await isExecuting(first, 'executing'))
      const found = await find(second, 'executing')
      const closing = summarize(await close(second, 'executing'))
      if (isFile) {
        // With SQLite, a process cannot see what another process is executing, and only one process can write at a time.
        t.equal(found.statusCode, 404)
        t.match(closing, { statusCode: 503, retryAfter: '1' })
      } else {
        const outcome = JSON.parse(found.body)
        t.match([found.statusCode, outcome], [200, { key: 'executing', state: 'executing' }])
        t.equal(outcome.createdAt !== undefined, store.endsWith('PostgreSQL'))
        t.match(closing, EXECUTING)
      }
      t.match(summarize(await close(first, 'executing')), EXECUTING)
      t.match(summarize(await execution), { statusCode: 201, status: 'succeeded' })
      t.match(JSON.parse((await close(second, 'executing')).body), { state: 'succeeded' })
      t.equal(await countEffects('executing'), 1)
    })

    t.test('closes a key if the process that executed the request was killed', async t => {
      const killed = await start(t)
      const execution = t.rejects(execute(killed, 'killed', { time: 60_000 }))
      await until(async () => await isExecuting(killed, 'killed'))
      await killed.kill()
      await execution
      t.match(JSON.parse((await repeat(async () => await close(second, 'killed'))).body), { state: 'closed' })
      t.match(summarize(await execute(first, 'killed')), CLOSED)
      t.equal(await countEffects('killed'), 0)
    })

    t.test('leaves each key in one final state if two processes execute and close it at the same time', async t => {
      const states = { succeeded: 0, closed: 0 }
      for (let number = 0; number < KEYS; number++) {
        const key = `race-${number}`
        const delay = async (send: () => Promise<WireResponse>): Promise<WireResponse> => {
          await sleep(Math.random() * 10)
          return await repeat(send)
        }
        const command = { time: Math.floor(Math.random() * 10) }
        const [executions, closings] = await Promise.all([
          Promise.all([first, second].map(async service => await delay(async () => await execute(service, key, command)))),
          Promise.all([first, second].map(async service => await delay(async () => await close(service, key))))
        ])
        const outcomes = [...closings, await find(first, key)].map(({ body }) => JSON.parse(body))
        const { state, body } = outcomes[0]
        t.strictSame(outcomes, Array(3).fill(outcomes[0]), `${key} ${state}`)
        t.ok(['succeeded', 'closed'].includes(state))
        const expected = state === 'succeeded' ? { statusCode: 201, status: 'succeeded', body } : CLOSED
        for (const execution of executions) t.match(summarize(execution), expected)
        t.equal(await countEffects(key), state === 'succeeded' ? 1 : 0)
        states[state as 'succeeded' | 'closed']++
      }
      t.comment(`${states.succeeded} succeeded, ${states.closed} closed`)
    })
  })
}
