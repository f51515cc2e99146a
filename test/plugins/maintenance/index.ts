import http2 from 'node:http2'
import { once } from 'node:events'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import maintenance, { type MaintenanceOptions, type MaintenanceState } from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { isError } from '../../fixtures/service.js'
import { connect, exchange, keepsContract, listen, valuesOf } from '../../fixtures/wire.js'

interface Line { level: number, msg: string, err?: { message: string } }

/** An app with the plugin; what it logs from level info on; and which of its hooks and handlers were run. */
async function open (t: Test, options: MaintenanceOptions = {}) {
  const lines: Line[] = []
  const ran: string[] = []
  const app = Fastify(serverOptions({ logger: { stream: { write (line: string) { lines.push(JSON.parse(line)) } } } }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(maintenance, options)
  app.addHook('onRequest', async () => { ran.push('authentication') })
  app.addHook('preParsing', async () => { ran.push('body') })
  app.get('/', async () => 'ok')
  app.post('/', async () => 'ok')
  app.get('/exempt', { config: { maintenance: 'exempt' } }, async () => 'ok')
  return { app, lines, ran }
}

const message = 'Temporarily offline for maintenance'
const tick = (ms = 0) => new Promise(resolve => setTimeout(resolve, ms))

/** Waits until something holds. */
async function until (holds: () => unknown): Promise<void> {
  while (!await holds()) await tick(5)
}

t.test('It needs fastify-reason-phrase', async t => {
  await t.rejects(async () => await Fastify().register(maintenance).ready(), { message: /dependency 'fastify-reason-phrase'/ })
})

t.test('Off, nothing is different', async t => {
  const { app, ran } = await open(t)
  t.strictSame(app.maintenance.state, { enabled: false })
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(ran, ['authentication', 'body'])
})

t.test('On, every request is 503, as early as can be', async t => {
  const { app, ran, lines } = await open(t)
  const state = await app.maintenance.enter({ message: 'We move, back in a moment', retryAfter: 30 })
  t.match(state, { enabled: true, message: 'We move, back in a moment', retryAfter: 30 })
  t.equal(app.maintenance.state, state)
  t.ok(Object.isFrozen(state))

  for (const request of [
    { url: '/' }, { url: '/?a=b' }, { url: '/nothing' }, { method: 'HEAD', url: '/' }, { method: 'OPTIONS', url: '/' }, { method: 'DELETE', url: '/' },
    { method: 'POST', url: '/', payload: '{', headers: { 'content-type': 'application/json' } }
  ] as const) {
    const response = await app.inject(request)
    isError(t, response, 503, 'We move, back in a moment')
    t.equal(response.headers['retry-after'], '30')
  }
  t.strictSame(ran, [])
  t.equal((await app.inject('/exempt')).body, 'ok')
  t.equal((await app.inject({ method: 'HEAD', url: '/exempt' })).statusCode, 200)
  isError(t, await app.inject({ method: 'DELETE', url: '/exempt' }), 503, 'We move, back in a moment')
  t.equal((await app.inject('/%zz')).statusCode, 400, 'what Fastify answers before all hooks')

  t.strictSame(await app.maintenance.leave(), { enabled: false })
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(lines.filter(({ msg }) => /^Maintenance/.test(msg)).map(({ level, msg }) => [level, msg]), [[30, 'Maintenance is on'], [30, 'Maintenance is off']])
  t.strictSame(lines.filter(({ level }) => level > 30), [], 'a refusal is no error')
})

t.test('It is on before enter() has returned', async t => {
  const { app } = await open(t)
  await app.ready()
  const entered = app.maintenance.enter()
  t.equal(app.maintenance.state.enabled, true)
  isError(t, await app.inject('/'), 503, message)
  await entered
})

t.test('Entered again, it has what it was given last, and began when it did', async t => {
  const { app } = await open(t)
  const first = await app.maintenance.enter({ message: 'a', until: new Date(Date.now() + 60_000) })
  await tick(5)
  const second = await app.maintenance.enter({ message: 'b' })
  t.strictSame(second, { enabled: true, message: 'b', since: (first as { since: string }).since, retryAfter: 60 })
  await app.maintenance.leave()
  t.strictSame(await app.maintenance.leave(), { enabled: false })
})

t.test('Its time passed, it is over', async t => {
  const { app, lines } = await open(t)
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const end = new Date(now + 90_000)
  t.match(await app.maintenance.enter({ until: end }), { until: end.toISOString(), retryAfter: undefined })
  t.equal((await app.inject('/')).headers['retry-after'], '90')
  now += 89_500
  t.equal((await app.inject('/')).headers['retry-after'], '1')
  now += 500
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(app.maintenance.state, { enabled: false })
  t.equal(lines.filter(({ msg }) => msg === 'Maintenance is off').length, 1)

  await app.maintenance.enter({ until: new Date(now + 1) })
  now += 1
  t.strictSame(app.maintenance.state, { enabled: false }, 'asked for the state alone')
})

t.test('Options that are wrong', async t => {
  const wrong: Array<[string, object]> = [
    ['exempt must be a function of the request', { exempt: ['/health'] }],
    ['store must be an object with load and save', { store: {} }],
    ['store must be an object with load and save', { store: null }],
    ['store must be an object with load and save', { store: { load () {} } }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: 0 }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: '1' }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: Infinity }],
    ['timeout must be a positive number of milliseconds', { timeout: 0 }],
    ['timeout must be a positive number of milliseconds', { timeout: '1' }],
    ['timeout must be a positive number of milliseconds', { timeout: 2 ** 31 }]
  ]
  for (const [rule, options] of wrong) {
    const app = Fastify()
    await app.register(reasonPhrase)
    await t.rejects(async () => await app.register(maintenance, options).ready(), { name: 'TypeError', message: new RegExp(`^fastify-reason-phrase: option ${rule.replace(' ', ' of maintenance ')}, not `) })
  }
  const { app } = await open(t)
  await t.rejects(app.maintenance.enter({ until: new Date(0) }), { name: 'TypeError', message: /until must be in the future/ })
  t.strictSame(app.maintenance.state, { enabled: false })
})

t.test('exempt', async t => {
  const { app } = await open(t, { exempt: ({ method, routeOptions: { url } }) => url === '/' && method === 'GET' })
  await app.maintenance.enter()
  t.equal((await app.inject('/?a')).body, 'ok')
  t.equal((await app.inject('/exempt')).body, 'ok')
  isError(t, await app.inject({ method: 'POST', url: '/' }), 503, message)
  isError(t, await app.inject('/nothing'), 503, message)
})

t.test('On the wire', async t => {
  const { app } = await open(t)
  let finish = (_answer: string) => {}
  app.get('/slow', () => new Promise<string>(resolve => { finish = resolve }))
  const port = await listen(t, app)

  t.test('a request in flight is finished, and the connection kept', async t => {
    const connection = connect(port)
    const asked = once(app.server, 'request')
    connection.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    await asked
    await app.maintenance.enter({ message: 'Later' })
    finish('whole')
    connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
    const [whole, ...refused] = await connection.responses(3)
    t.equal(whole!.body, 'whole')
    for (const response of refused) {
      keepsContract(t, response, 503, 'Later')
      t.strictSame(valuesOf(response, 'retry-after'), ['60'])
      t.strictSame(valuesOf(response, 'connection'), ['keep-alive'])
    }
    connection.destroy()
  })

  t.test('a body is not read: the connection ends, and is not reset', async t => {
    for (const framing of ['Content-Length: 3000000', 'Transfer-Encoding: chunked']) {
      const connection = connect(port)
      const errors: Error[] = []
      connection.socket.on('error', error => errors.push(error))
      connection.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`)
      for (let i = 0; i < 3; i++) {
        if (connection.socket.writable) connection.write(framing.startsWith('T') ? `f4240\r\n${'x'.repeat(1_000_000)}\r\n` : 'x'.repeat(1_000_000))
        await tick(5)
      }
      await connection.closed()
      const [response] = await connection.responses(1)
      keepsContract(t, response!, 503, 'Later')
      t.strictSame(valuesOf(response!, 'connection'), ['close'])
      t.strictSame(errors, [])
    }
  })

  t.test('HTTP/1.0', async t => {
    const response = await exchange(port, 'GET / HTTP/1.0\r\n\r\n')
    keepsContract(t, response, 503, 'Later')
  })
})

t.test('HTTP/2 has no connection to name', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await app.register(reasonPhrase)
  await app.register(maintenance)
  app.post('/', async () => 'ok')
  const port = await listen(t, app as unknown as FastifyInstance)
  await app.maintenance.enter()
  const session = http2.connect(`http://127.0.0.1:${port}`)
  for (let i = 0; i < 2; i++) {
    const stream = session.request({ ':method': 'POST', ':path': '/', 'content-length': '4' })
    stream.end('body')
    const [headers] = await once(stream, 'response')
    t.match(headers, { ':status': 503, 'retry-after': '60', 'eb-reason-phrase': message, connection: undefined })
    stream.close()
  }
  session.close()
})

t.test('Pages of other origins', async t => {
  const preflight = { method: 'OPTIONS', url: '/', headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT' } } as const
  const plain = { url: '/', headers: { origin: 'https://a.example' } }

  t.test('can read it, with @fastify/cors in front', async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(reasonPhrase)
    await app.register(cors, { origin: true })
    await app.register(maintenance)
    app.get('/', async () => 'ok')
    await app.ready()
    await app.maintenance.enter()
    t.equal((await app.inject(preflight)).statusCode, 204)
    const response = await app.inject(plain)
    isError(t, response, 503, message)
    t.match(response.headers, { 'access-control-allow-origin': 'https://a.example', 'access-control-expose-headers': 'EB-REASON-PHRASE' })
  })

  t.test('cannot, with it behind', async t => {
    const { app } = await open(t)
    await app.register(cors, { origin: true })
    await app.maintenance.enter()
    isError(t, await app.inject(preflight), 503, message)
    t.notOk('access-control-allow-origin' in (await app.inject(plain)).headers)
  })
})

const warnings = (lines: Line[]) => lines.filter(({ level }) => level > 30).map(({ msg, err }) => [msg.replace(/^fastify-reason-phrase: the store of maintenance /, ''), err?.message])
const stays = 'cannot be read, so its last state stays'
const off: MaintenanceState = { enabled: false }
const on: MaintenanceState = { enabled: true, message: 'Moving', since: '2020-01-01T00:00:00.000Z' }
const never = () => new Promise<never>(() => {})

t.test('A store that hangs', async t => {
  t.test('once is read again, and what it answers then is ignored', async t => {
    let answer = (_state: MaintenanceState) => {}
    const answers: Array<() => MaintenanceState | Promise<MaintenanceState>> = [
      () => on,
      () => new Promise(resolve => { answer = resolve }),
      () => on
    ]
    let loads = 0
    const { app, lines } = await open(t, { store: { load: () => (answers[loads++] ?? (() => on))(), save () {} }, pollInterval: 1, timeout: 20 })
    await app.ready()
    await until(() => warnings(lines).length > 0)
    t.strictSame(warnings(lines), [[stays, 'The store of maintenance did not answer within 20 ms']])
    t.equal(app.maintenance.state.enabled, true)
    await until(() => loads > 4)
    answer(off)
    await tick()
    t.equal(app.maintenance.state.enabled, true)
    t.strictSame(warnings(lines).length, 1)
    t.ok(lines.some(({ msg }) => /is back$/.test(msg)))
  })

  t.test('at the start does not fail the start, whatever the limits', async t => {
    for (const [pluginTimeout, timeout, limit] of [[10_000, 20, 20], [100, undefined, 50], [0, 20, 20]] as const) {
      const lines: Line[] = []
      const app = Fastify(serverOptions({ pluginTimeout, logger: { stream: { write (line: string) { lines.push(JSON.parse(line)) } } } }))
      t.teardown(() => app.close())
      await app.register(reasonPhrase)
      let load: () => MaintenanceState | Promise<never> = never
      await app.register(maintenance, { store: { load: () => load(), save () {} }, pollInterval: 1, timeout })
      await app.ready()
      t.strictSame(app.maintenance.state, off)
      t.strictSame(warnings(lines), [[stays, `The store of maintenance did not answer within ${limit} ms`]])
      load = () => on
      await until(() => app.maintenance.state.enabled)
    }
  })

  t.test('again and again is asked less and less often', async t => {
    let loads = 0
    let isBack = false
    const store = {
      load () {
        loads++
        return isBack ? on : never()
      },
      save () {}
    }
    const { app, lines } = await open(t, { store, pollInterval: 10, timeout: 1 })
    await app.ready()
    await tick(500)
    t.ok(loads > 2 && loads < 9, `${loads} calls`)
    isBack = true
    await until(() => app.maintenance.state.enabled)
    t.equal(warnings(lines).length, 1)
  })

  t.test('while it saves leaves the state as it was, and what is saved later is found', async t => {
    let state: MaintenanceState = off
    let finish = () => {}
    const store = {
      load: () => state,
      save: (next: MaintenanceState) => new Promise<void>(resolve => {
        finish = () => {
          state = next
          resolve()
        }
      })
    }
    const { app } = await open(t, { store, pollInterval: 1, timeout: 20 })
    await app.ready()
    const late = { statusCode: 503, message: 'The store of maintenance did not answer within 20 ms' }
    await t.rejects(app.maintenance.enter({ message: 'Moving' }), late)
    t.strictSame(app.maintenance.state, off)
    finish()
    await until(() => app.maintenance.state.enabled)
    t.match(app.maintenance.state, { message: 'Moving' })

    await t.rejects(app.maintenance.leave(), late)
    t.equal(app.maintenance.state.enabled, true)
    finish()
    await until(() => !app.maintenance.state.enabled)
  })

  t.test('and fails after that, is no unhandled rejection', async t => {
    let fail = (_error: Error) => {}
    const hang = () => new Promise<never>((_resolve, reject) => { fail = reject })
    let load: () => MaintenanceState | Promise<never> = () => off
    const { app } = await open(t, { store: { load: () => load(), save: hang }, pollInterval: 1, timeout: 5 })
    await app.ready()
    await t.rejects(app.maintenance.enter(), { message: /did not answer/ })
    fail(new Error('late'))
    await tick()
    load = hang
    await tick(20)
    fail(new Error('late'))
    await tick()
  })
})

t.test('What is no state is not taken for one', async t => {
  const wrong: unknown[] = [
    undefined, null, 'on', true, [], {}, { enabled: 'yes' }, { enabled: 'false' }, { enabled: true }, { ...on, message: 5 }, { ...on, until: 'soon' },
    Promise.resolve({ enabled: 'yes' }), { ...on, enabled: Promise.resolve(true) }, { get enabled () { throw new Error('no') } }
  ]
  for (const kept of wrong) {
    for (const before of [on, off]) {
      let state: unknown = before
      let loads = 0
      const store = {
        load () {
          loads++
          return state as MaintenanceState
        },
        save () {}
      }
      const { app, lines } = await open(t, { store, pollInterval: 1 })
      await app.ready()
      state = kept
      loads = 0
      await until(() => loads > 2)
      t.equal(app.maintenance.state.enabled, before.enabled)
      t.match(warnings(lines), [[stays, /^(fastify-reason-phrase: maintenance (state|option \w+) must be [^]*|no)$/]])
      t.equal(warnings(lines).length, 1)
      state = before === on ? off : on
      await until(() => app.maintenance.state.enabled !== before.enabled)
    }
  }
})

t.test('A store that throws something else than an Error', async t => {
  const { app, lines } = await open(t, { store: { load () { throw 'down' }, save () {} } }) // eslint-disable-line no-throw-literal
  await app.ready()
  t.match(lines.filter(({ level }) => level > 30), [{ msg: `fastify-reason-phrase: the store of maintenance ${stays}`, err: 'down' }])
})

/** A store of several processes, that can be down. */
class Store {
  state: MaintenanceState = { enabled: false }
  loads = 0
  down = false

  async load () {
    this.loads++
    await tick()
    if (this.down) throw new Error('down')
    return this.state
  }

  async save (state: MaintenanceState) {
    await tick()
    if (this.down) throw new Error('down')
    this.state = state
  }
}

t.test('With a store', async t => {
  t.test('others follow, and so does the next start', async t => {
    const store = new Store()
    const { app } = await open(t, { store, pollInterval: 10 })
    const { app: other } = await open(t, { store, pollInterval: 10 })
    await app.ready()
    await other.ready()
    await app.maintenance.enter({ message: 'Moving' })
    t.match(store.state, { enabled: true, message: 'Moving' })
    await until(() => other.maintenance.state.enabled)
    t.strictSame(other.maintenance.state, app.maintenance.state)
    isError(t, await other.inject('/'), 503, 'Moving')

    const { app: next } = await open(t, { store })
    await next.ready()
    t.strictSame(next.maintenance.state, app.maintenance.state)

    await other.maintenance.leave()
    await until(() => !app.maintenance.state.enabled)
  })

  t.test('a state that is over is off', async t => {
    const store = new Store()
    store.state = { enabled: true, message: 'a', since: '2020-01-01T00:00:00.000Z', until: '2020-01-01T00:00:00.000Z' }
    const { app } = await open(t, { store })
    await app.ready()
    t.strictSame(app.maintenance.state, { enabled: false })
  })

  t.test('that is down at the start, it is off until the store is back', async t => {
    const store = new Store()
    store.down = true
    store.state = { enabled: true, message: 'Moving', since: '2020-01-01T00:00:00.000Z' }
    const { app, lines } = await open(t, { store, pollInterval: 1 })
    await app.ready()
    t.equal((await app.inject('/')).body, 'ok')
    t.match(lines.filter(({ level }) => level > 30), [{ err: { message: 'down' } }])
    store.down = false
    await until(() => app.maintenance.state.enabled)
  })

  t.test('that goes down, the last state stays, and the log says so once', async t => {
    const store = new Store()
    const { app, lines } = await open(t, { store, pollInterval: 1 })
    await app.ready()
    await app.maintenance.enter()
    store.down = true
    const { loads } = store
    await until(() => store.loads > loads + 5)
    isError(t, await app.inject('/'), 503, message)
    const about = () => lines.filter(({ msg }) => /store/.test(msg)).map(({ level, msg }) => [level, msg.replace(/^fastify-reason-phrase: the store of maintenance /, '')])
    t.strictSame(about(), [[40, 'cannot be read, so its last state stays']])

    await t.rejects(app.maintenance.leave(), { message: 'down' })
    t.equal(app.maintenance.state.enabled, true)

    store.down = false
    store.state = { enabled: false }
    await until(() => !app.maintenance.state.enabled)
    t.strictSame(about().slice(1), [[30, 'is back']])
    store.state = {} as never
    await until(() => about().length === 3)
    t.strictSame(app.maintenance.state, { enabled: false }, 'nor does it take what is no state')
  })

  t.test('an answer of the store from before a change is no news', async t => {
    let answer = () => {}
    let state: MaintenanceState = { enabled: false }
    let loads = 0
    const store = {
      load: async () => {
        const before = state
        if (loads++ > 0) await new Promise<void>(resolve => { answer = resolve })
        return before
      },
      save: (next: MaintenanceState) => { state = next }
    }
    const { app } = await open(t, { store, pollInterval: 1 })
    await app.ready()
    await until(() => loads === 2)
    await app.maintenance.enter()
    answer()
    await until(() => loads === 3)
    t.equal(app.maintenance.state.enabled, true)
    answer()
  })

  t.test('closed, it is not asked any more', async t => {
    const store = new Store()
    const { app, lines } = await open(t, { store, pollInterval: 1 })
    await app.ready()
    await until(() => store.loads > 2)
    const { loads } = store
    await until(() => store.loads > loads)
    store.down = true
    await app.close()
    const { loads: last } = store
    await tick(20)
    t.equal(store.loads, last)
    t.strictSame(lines.filter(({ level }) => level > 30), [])
  })
})
