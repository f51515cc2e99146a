import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { sql } from 'kysely'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import serviceApp from '../app.js'
import { serverOptions } from '../index.js'
import { databases, Gate, postgresql, sqlite } from './fixtures/database.js'
import { assertInjectedError, writeKeysFile, createService, signRequest } from './fixtures/service.js'
import { sign } from './fixtures/sign.js'

const topic = (name: string) => ({
  method: 'POST' as const,
  url: '/v2/topic',
  payload: { name, description: '', mediaType: 'text/plain' }
})

for (const { name, skip, open } of databases) {
  t.test(`responds with a database of ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    t.match((await app.inject('/health')).json(), { database: { dialect: name.toLowerCase(), state: 'up' } })
    t.equal((await app.inject(topic('a'))).statusCode, 201)
    t.equal((await app.inject('/v2/topic')).json().items.length, 1)
    assertInjectedError(t, await app.inject('/v2/nothing'), 404, /^Route GET:\/v2\/nothing not found$/)
    assertInjectedError(t, await app.inject({ method: 'PUT', url: '/v2/topic' }), 404, /^Route PUT:\/v2\/topic not found$/)
  })
}

t.test('sends errors over the wire as the contract requires', async t => {
  const app = await createService(t, await sqlite.open(t))
  await app.listen()
  const { address, port } = app.server.address() as AddressInfo

  const exchange = async (t: Test, request: string) => {
    const socket = connect(port, address)
    t.teardown(() => socket.destroy())
    socket.setEncoding('latin1')
    socket.end(request.replaceAll('\n', '\r\n'))
    let response = ''
    socket.on('data', data => { response += data })
    await once(socket, 'close')
    return response
  }
  const request = (line: string, body = '', fields?: object) => {
    const [method, target] = line.split(' ')
    const signature = Object.entries(fields ?? sign(method, target, body)).map(([name, value]) => `${name}: ${value}\n`).join('')
    return `${line} HTTP/1.1\nHost: a\nConnection: close\n${signature}Content-Type: application/json\nContent-Length: ${body.length}\n\n${body}`
  }

  const body = JSON.stringify({ name: 'a', description: '', mediaType: 'a/b' })
  t.match(await exchange(t, request('POST /v2/topic', body)), /^HTTP\/1\.1 201 Created\r\n[^]*location: \/v2\/topic\/EBT-[^]*\r\n\r\n\{.*\}$/i)

  const errors: Array<[string, number, string]> = [
    [request('POST /v2/topic', body), 422, 'A topic named "a" exists already'],
    [request('POST /v2/topic', '{'), 400, "Body is not valid JSON but content-type is set to 'application/json'"],
    [request(`GET /v2/topic/EBT-${'0'.repeat(32)}`), 404, `No topic EBT-${'0'.repeat(32)}`],
    [request('GET /v2/topic/1'), 400, 'params/topicId must match pattern "^EBT-[0-9A-Fa-f]{32}$"'],
    [request('GET /v2/topic/%zz'), 400, "'/v2/topic/%zz' is not a valid url component"],
    [request('GET /v2/topic', '', {}), 401, 'The request is not signed: it must have Signature-Input and Signature'],
    [request('GET /v2/nothing', '', {}), 401, 'The request is not signed: it must have Signature-Input and Signature'],
    ['GET / HTTP/1.1\n\n', 400, '']
  ]
  for (const [sent, statusCode, reason] of errors) {
    const response = await exchange(t, sent)
    t.ok(response.startsWith(`HTTP/1.1 ${statusCode} ${reason}`), response)
    t.match(response, new RegExp(`^EB-REASON-PHRASE: ${reason.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`, 'im'))
    t.match(response, /^content-length: 0\r$/im)
    t.match(response, /\r\n\r\n$/, 'no body')
  }
})

/** Asserts that routes which need the database send 503, and that other routes still work. */
async function assertDatabaseDown (t: Test, app: FastifyInstance) {
  const response = await app.inject(topic('away'))
  assertInjectedError(t, response, 503, 'The database is unavailable')
  t.equal(response.headers['retry-after'], '5')
  t.equal((await app.inject('/health')).statusCode, 200)
  assertInjectedError(t, await app.inject('/v2/topic/x'), 400, /^params\/topicId/)
}

t.test('sends 503 while the database is unavailable, and recovers', async t => {
  t.test('SQLite, locked by another process', async t => {
    const options = await sqlite.open(t)
    const app = await createService(t, options)
    const other = new Libsql(options.databaseFile!)
    t.teardown(() => other.close())

    other.exec('begin exclusive')
    await assertDatabaseDown(t, app)
    other.exec('rollback')
    t.equal((await app.inject(topic('back'))).statusCode, 201)
  })

  t.test('with PostgreSQL that is unreachable', { skip: postgresql.skip }, async t => {
    const { gate, databaseUrl } = await Gate.to(t, await postgresql.open(t))
    const app = await createService(t, { databaseUrl })

    for (const round of ['first', 'second']) {
      await gate.close()
      await assertDatabaseDown(t, app)
      t.equal((await app.inject('/health')).json().status, 'degraded')
      await gate.open()
      t.equal((await app.inject(topic(round))).statusCode, 201)
      t.equal((await app.inject('/health')).json().status, 'ok')
    }
    const { items } = (await app.inject('/v2/topic')).json()
    t.same(items.map(({ name }: { name: string }) => name), ['second', 'first'])
  })
})

t.test('sends 503 if the disk is full, logs the reason, and loses no accepted message', async t => {
  const lines: Array<{ reqId?: string, err?: { message: string, stack: string } }> = []
  const app = Fastify(serverOptions({ pluginTimeout: 120_000, logger: { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } } }))
  t.teardown(() => app.close())
  await app.register(serviceApp, { keysFile: writeKeysFile(t), ...await sqlite.open(t) })
  await app.ready()
  const { run } = app.database
  const room = (pages: number) => run(db => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(db))
  const post = (url: string, payload: object) => app.inject(signRequest({ method: 'POST', url, payload }))

  const { topicId } = (await post('/v2/topic', { name: 'a', description: '', mediaType: 'application/json' })).json()
  await room(60)
  const accepted = new Map<string, number>()
  const refused: LightMyRequestResponse[] = []
  for (let number = 0; refused.length < 3; number++) {
    const response = await post(`/v2/topic/${topicId}/message`, { body: { number, text: 'x'.repeat(10_000) } })
    if (response.statusCode === 202) accepted.set(response.json().messageId, number)
    else refused.push(response)
  }
  t.ok(accepted.size > 3)
  for (const response of refused) {
    assertInjectedError(t, response, 503, 'The database is unavailable')
    t.equal(response.headers['retry-after'], '5')
  }
  t.equal(lines.filter(({ reqId, err }) => reqId !== undefined && err?.stack.includes('database or disk is full')).length, refused.length)
  t.notMatch(JSON.stringify(lines), /rollback|no transaction/)

  await room(1000)
  const response = await post(`/v2/topic/${topicId}/message`, { body: { number: -1, text: '' } })
  accepted.set(response.json().messageId, -1)
  for (let stored = 0; stored < accepted.size;) {
    await setTimeout(10)
    stored = (await app.inject(signRequest({ url: `/v2/topic/${topicId}/message` }))).json().items.length
  }
  const { items } = (await app.inject(signRequest({ url: `/v2/topic/${topicId}/message` }))).json()
  t.strictSame(items.map(({ messageId, body }: { messageId: string, body: { number: number } }) => [messageId, body.number]), [...accepted])
})
