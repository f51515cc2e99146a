import { connect as connectTo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Gate } from '../../fixtures/database.js'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects, type ServiceSettings } from '../../fixtures/idempotent-service.js'
import { summarize } from '../../fixtures/keyed-service.js'
import { tick, until } from '../../fixtures/maintenance.js'
import { connect, type Connection, type WireResponse } from '../../fixtures/wire.js'

// The tests start processes, which takes time.
t.setTimeout(120_000)

const CLOSED = { statusCode: 422, reason: 'The idempotency key was closed. The operation did not happen and never will', body: '', status: 'closed', replayed: undefined, retryAfter: undefined }
const WAIT_MS = 1000
// The time that a request needs until its execution has begun.
const HEAD_START_MS = 60

const script = await bundleServer(t)

/** A proxy that holds requests until the test delivers them. */
class HoldingProxy {
  readonly #target: number
  readonly #held: Array<{ client: Socket, bytes: Buffer }> = []
  #port = 0

  private constructor (target: number) {
    this.#target = target
  }

  /** Opens a proxy in front of a process. The proxy is closed when the test ends. */
  static async to (t: Test, { port }: ServiceProcess): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(port)
    // A request is so short that it arrives in one chunk.
    const gate = new Gate(client => { client.once('data', bytes => { proxy.#held.push({ client, bytes }) }) })
    proxy.#port = await gate.open()
    t.teardown(() => gate.close())
    return proxy
  }

  /** Sends a request to the proxy, and resolves when the proxy holds it. */
  async accept (request: KeyedRequest): Promise<Connection> {
    const connection = connect(this.#port)
    connection.write(toBytes(request))
    await until(() => this.#held.length > 0)
    return connection
  }

  /** Delivers the held request on a new connection. Can be called several times. */
  deliver (): void {
    const [{ client, bytes }] = this.#held
    const server = connectTo(this.#target, '127.0.0.1')
    server.on('error', () => {})
    client.on('close', () => server.destroy())
    server.write(bytes)
    server.pipe(client, { end: false })
  }

  forget (): void {
    this.#held.length = 0
  }
}

const requestOf = (name: string, command: object = {}): KeyedRequest => ({ key: name, body: { name, ...command } })

async function close (process: ServiceProcess, key: string): Promise<WireResponse> {
  return await process.send({ method: 'PUT', path: `/operation/${key}`, body: { state: 'closed' } })
}

async function look (process: ServiceProcess, key: string): Promise<any> {
  const { body } = await process.send({ method: 'GET', path: `/operation/${key}`, body: '' })
  return body === '' ? undefined : JSON.parse(body)
}

/** Closes a key as soon as its request has ended, and returns the final state. */
async function settle (process: ServiceProcess, key: string): Promise<string> {
  let response: WireResponse
  do response = await close(process, key); while (response.statusCode === 503)
  return JSON.parse(response.body).state
}

for (const { name, skip, open } of storesUnderTest) {
  t.test(`a late request with ${name}`, { skip }, async t => {
    const settings: ServiceSettings = { store: name, location: await open(t), options: { outcomes: '/operation', wait: WAIT_MS, maxInFlight: 1 } }
    const database = await openDatabase(settings)
    t.teardown(() => database.close())
    await createTables(database)
    const [first, second] = await Promise.all([ServiceProcess.start(t, script, settings), ServiceProcess.start(t, script, settings)])
    const proxy = await HoldingProxy.to(t, first)
    const countEffects = async (key: string): Promise<number> => (await readEffects(database, key)).length

    for (const [place, closing] of [['the same process', first], ['another process', second]] as const) {
      for (const [deliveries, often] of [[1, 'once'], [2, 'twice']] as const) {
        t.test(`is not executed if ${place} has closed its key, and it is delivered ${often}`, async t => {
          const key = `held-${deliveries}-${closing.pid}`
          const late = await proxy.accept(requestOf(key))
          t.equal(await look(first, key), undefined)
          t.match(JSON.parse((await close(closing, key)).body), { key, state: 'closed' })
          for (let n = 0; n < deliveries; n++) proxy.deliver()
          const responses = await late.responses(deliveries)
          late.destroy()
          proxy.forget()
          t.strictSame(responses.map(summarize), Array(deliveries).fill(CLOSED))
          t.match([await look(first, key), await look(second, key)], Array(2).fill({ state: 'closed' }))
          t.equal(await countEffects(key), 0)
        })
      }

      t.test(`is not executed if ${place} closes its key before its body arrives`, async t => {
        const key = `body-${closing.pid}`
        const late = connect(first.port)
        const bytes = toBytes(requestOf(key))
        late.write(bytes.slice(0, -5))
        t.match(JSON.parse((await close(closing, key)).body), { key, state: 'closed' })
        late.write(bytes.slice(-5))
        t.strictSame(summarize((await late.responses(1))[0]!), CLOSED)
        late.destroy()
        t.equal(await countEffects(key), 0)
      })

      t.test(`gets the recorded response if ${place} closes its key after another copy was executed`, async t => {
        const key = `copy-${closing.pid}`
        const late = await proxy.accept(requestOf(key))
        const { body } = await first.send(requestOf(key))
        t.match(JSON.parse((await close(closing, key)).body), { state: 'succeeded', statusCode: 201, body })
        proxy.deliver()
        t.match(summarize((await late.responses(1))[0]!), { statusCode: 201, status: 'succeeded', replayed: 'true', body })
        late.destroy()
        proxy.forget()
        t.equal(await countEffects(key), 1)
      })
    }

    t.test('is not executed if another process closes its key while it is in the queue', async t => {
      const key = 'queued'
      let hasEnded = false
      const before = first.send(requestOf('before', { time: WAIT_MS / 2 })).finally(() => { hasEnded = true })
      await tick(HEAD_START_MS)
      // This process executes only one request at a time, so the second request is queued.
      const queued = first.send(requestOf(key))
      await tick(HEAD_START_MS)
      const state = await settle(second, key)
      // With SQLite, another process can write only after the first request has ended. Then the queued request may have been
      // executed.
      if (!hasEnded) t.equal(state, 'closed')
      t.match(summarize(await queued), state === 'closed' ? CLOSED : { statusCode: 201, status: 'succeeded' })
      t.match(summarize(await before), { statusCode: 201 })
      t.equal(await countEffects(key), state === 'closed' ? 0 : 1)
      t.comment(`the queued request was ${state}`)
    })

    t.test('is not executed if its key is closed after the first request was rolled back', async t => {
      const key = 'repeated'
      const request = requestOf(key, { time: 200, status: 500 })
      const executing = first.send(request)
      await tick(HEAD_START_MS)
      const repetitions = [first.send(request), second.send(request)]
      t.equal(await settle(second, key), 'closed')
      t.equal((await executing).statusCode, 500)
      for (const repetition of await Promise.all(repetitions)) {
        // A retry was executed before the closing, or it was not executed.
        if (repetition.statusCode !== 500 && repetition.statusCode !== 503) t.strictSame(summarize(repetition), CLOSED)
      }
      for (const process of [first, second]) t.strictSame(summarize(await process.send(request)), CLOSED)
      t.equal(await countEffects(key), 0)
    })
  })
}
