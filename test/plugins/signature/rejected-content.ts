import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature from '../../../plugins/signature/index.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign } from '../../fixtures/sign.js'
import { build, keys, MISMATCH, NOT_VALID, signedBytes, slowKeys } from '../../fixtures/signed-service.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('keeps the connection usable after a 401, or closes it', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  connection.write(signedBytes('POST', '/any', '{"a":1}', { key: { id: 'none', secret: '' } }, {}, '{"a":2}'))
  connection.write(signedBytes('POST', '/any', '{"a":1}'))
  const [refused, passed] = await connection.responses(2)
  assertErrorResponse(t, refused, 401, NOT_VALID)
  t.equal(passed.statusCode, 200)
  connection.write(signedBytes('POST', '/any', '{"a":1}', {}, {}, '{"a":2}'))
  const [, , mismatch] = await connection.responses(3)
  assertErrorResponse(t, mismatch, 401, MISMATCH)
  t.strictSame(valuesOf(mismatch, 'connection'), ['close'])
  await connection.closed()
})

t.test('sends a 401 while a large body arrives, and discards the body', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  const body = Buffer.alloc(5_000_000, 'x')
  const request = signedBytes('POST', '/any', body, { key: { id: 'none', secret: '' } })
  connection.write(request.subarray(0, 10_000))
  assertErrorResponse(t, (await connection.responses(1))[0], 401, NOT_VALID)
  connection.write(request.subarray(10_000))
  connection.write(signedBytes('GET', '/read'))
  t.equal((await connection.responses(2))[1].body, 'read', 'has discarded the body')
  connection.destroy()
})

t.test('logs no error if a client closes the connection during its request', async t => {
  for (const lookUp of [keys, slowKeys]) {
    const lines: string[] = []
    const app = await build(t, { keys: lookUp }, { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } }, app => {
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => { payload.once('data', () => { done(null, 'enough') }) })
        child.post('/early', async () => 'unsafe')
      })
    })
    const port = await listen(t, app)
    for (const target of ['/any', '/early', '/none']) {
      const request = signedBytes('POST', target, '{"a":1}')
      for (const sent of [request.subarray(0, -1), request.subarray(0, -7), request]) {
        const connection = connect(port)
        await once(connection.socket, 'connect')
        connection.write(sent)
        await new Promise(resolve => setTimeout(resolve, 5))
        connection.socket.resetAndDestroy()
      }
    }
    await new Promise(resolve => setTimeout(resolve, 60))
    t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}'))).statusCode, 200, 'still serves requests')
    t.strictSame(lines, [])
  }
})

t.test('checks the digest of injected requests and streams, and if a parser throws', async t => {
  const app = await build(t, { keys: slowKeys }, {}, app => {
    app.addContentTypeParser('x/throws', { parseAs: 'string' }, () => { throw new Error('no') })
  })
  const headers = { ...sign('POST', '/any', '{"a":1}'), 'content-type': 'application/json' }
  const stream = (text: string): Readable => Readable.from([...text].map(character => Buffer.from(character)))
  const chunked = { ...headers, 'transfer-encoding': 'chunked' }
  t.equal((await app.inject({ method: 'POST', url: '/any', headers: chunked, payload: stream('{"a":1}') })).statusCode, 200)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers: chunked, payload: stream('{"a":2}') }), 401, MISMATCH)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers, payload: '{"a":2}' }), 401, MISMATCH)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-digest': sign('POST', '/any', '{"a":2}')['content-digest'] }, payload: '{"a":2}' }), 401, NOT_VALID)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-type': 'x/throws' }, payload: '{"a":2}' }), 401, MISMATCH)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-type': 'x/throws' }, payload: '{"a":1}' }), 500, 'Internal Server Error')
})

t.test('checks the content that arrives while an earlier hook waits', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.addHook('onRequest', async () => { await sleep(20) })
  await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined })
  app.post('/', async ({ body }) => body)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const post = (body: string, signed = body) => fetch(origin, { method: 'POST', headers: { 'content-type': 'application/json', ...sign('POST', '/', signed) }, body })

  for (const body of ['{"a":1}', JSON.stringify(['x'.repeat(500_000)])]) {
    const response = await post(body)
    t.equal(response.status, 200)
    t.equal(await response.text(), body)
  }
  const refused = await post('{"a":2}', '{"a":1}')
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('eb-reason-phrase'), 'The Content-Digest does not match the body')
})
