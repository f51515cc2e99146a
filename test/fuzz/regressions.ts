import { spawn } from 'node:child_process'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../index.js'
import { logTo } from '../fixtures/log.js'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../fixtures/wire.js'

// Minimal reproductions of faults that the fuzzers have found.

async function assertResponse (t: Test, add: (app: FastifyInstance) => unknown, statusCode: number, reason?: string): Promise<void> {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await add(app)
  const port = await listen(t, app)
  const response = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assertErrorResponse(t, response, statusCode, reason)
}

t.test('sends 500 for an error whose headers are null', async t => {
  await assertResponse(t, app => app.get('/', () => { throw Object.assign(new Error('a secret'), { headers: null }) }), 500)
})

t.test('sends 500 for an error whose status code is not a number', async t => {
  await assertResponse(t, app => app.get('/', () => { throw Object.assign(new Error('a secret'), { statusCode: Symbol('404') }) }), 500)
})

t.test('sends 500 for an error with null headers that an error handler throws', async t => {
  const errorHandler = (): never => { throw Object.assign(new Error('a secret'), { headers: null }) }
  await assertResponse(t, app => app.get('/', { errorHandler }, () => { throw new Error('the first') }), 500)
})

t.test('sends no message with a 5xx for a thrown value that is not an Error', async t => {
  for (const thrown of ['{"message":"a secret"}', '"a secret"', '["a secret"]', '{ secret', { message: 'a secret' }, { detail: 'a secret' }, { error: { message: 'a secret' } }, { toJSON: () => ({ title: 'a secret' }) }]) {
    await assertResponse(t, app => app.get('/', () => { throw thrown }), 500)
    await assertResponse(t, app => app.get('/', async () => { throw thrown }), 500)
  }
  await assertResponse(t, app => app.get('/', () => { throw { statusCode: 422, detail: 'no secret' } }), 422, 'no secret') // eslint-disable-line no-throw-literal
})

t.test('sends 500 for a Boom-like object with a status code below 400', async t => {
  const thrown = Object.assign(new Error('a secret'), { isBoom: true, output: { statusCode: 101, headers: {} } })
  await assertResponse(t, app => app.get('/', { onSend: async () => { throw thrown } }, () => ({ ok: true })), 500)
})

t.test('sends the default challenge instead of an empty one', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => reply.header('www-authenticate', '').unauthorized('who?'))
  app.get('/raw', (_request, { raw }) => {
    raw.setHeader('www-authenticate', ' ')
    raw.writeHead(401, 'who?')
    raw.end()
  })
  const port = await listen(t, app)
  for (const path of ['/', '/raw']) {
    const response = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    assertErrorResponse(t, response, 401, 'who?')
    t.strictSame(valuesOf(response, 'www-authenticate'), ['HMAC'])
  }
})

t.test('writeHead() throws for the same headers as in Node', async t => {
  await assertResponse(t, app => app.get('/', (_request, reply) => {
    const { raw } = reply.hijack()
    t.throws(() => raw.writeHead(422, { 'x y': 'z' }), { code: 'ERR_INVALID_HTTP_TOKEN' })
    t.throws(() => raw.writeHead(422, { 'x-a': 'a\r\nb' }), { code: 'ERR_INVALID_CHAR' })
    raw.statusCode = 422
    raw.end('in the body')
  }), 422, 'in the body')
})

t.test('removes a header that clients reject from an error over HTTP/2', async t => {
  const app: any = Fastify(serverOptions({ http2: true }))
  await app.register(reasonPhrase)
  app.get('/', (_request: unknown, reply: FastifyReply) => reply.header('x-a', 'a\0b').header('x-kept', '1').unprocessable('a reason'))
  const port = await listen(t, app)
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.teardown(() => { session.close() })
  const stream = session.request({ ':path': '/' })
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => { stream.on('response', resolve).on('error', reject) })
  t.match({ ...headers }, { ':status': 422, 'eb-reason-phrase': 'a reason', 'content-length': '0', 'x-kept': '1' })
  t.notOk('x-a' in headers)
})

/** Asserts that a service in a separate process sends this status code and reason, and does not crash. */
async function assertSurvives (t: Test, routes: string, statusCode: number, reason: string): Promise<void> {
  const index = JSON.stringify(join(import.meta.dirname, '..', '..', 'index.ts'))
  const script = `
    import Fastify from 'fastify'
    import reasonPhrase, { serverOptions } from ${index}
    const app = Fastify(serverOptions())
    await app.register(reasonPhrase)
    ${routes}
    app.get('/good', () => 'good')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = 'http://127.0.0.1:' + app.server.address().port
    const { status, statusText } = await fetch(url + '/')
    console.log(status, statusText, await (await fetch(url + '/good')).text())
    process.exit()`
  const child = spawn(...withoutTap(process.execPath, TYPESCRIPT, '--input-type=module', '--eval', script), { cwd: join(import.meta.dirname, '..', '..') })
  let output = ''
  let errors = ''
  child.stdout.on('data', chunk => { output += chunk })
  child.stderr.on('data', chunk => { errors += chunk })
  const code = await new Promise(resolve => { child.once('close', resolve) })
  t.strictSame({ code, output }, { code: 0, output: `${statusCode} ${reason} good\n` }, errors)
}

t.test('survives an asynchronous onSend or preSerialization hook that throws a value that is not an Error', async t => {
  await assertSurvives(t, "app.get('/', { onSend: async () => { throw 'a text' } }, () => ({ ok: true }))", 500, 'Internal Server Error')
  await assertSurvives(t, "app.get('/', { preSerialization: async () => { throw { a: 'text' } } }, () => ({ ok: true }))", 500, 'Internal Server Error')
  await assertSurvives(t, "app.get('/', { onSend: async () => { throw Object.defineProperty(new Error('x'), 'message', { get () { throw new Error('y') } }) } }, () => ({ ok: true }))", 500, 'Internal Server Error')
})

t.test('survives a fetch Response after a header that Node rejects', async t => {
  await assertSurvives(t, "app.get('/', (_request, reply) => { reply.header('x-a', '日本').send(new Response('a reason', { status: 422 })) })", 422, 'a reason')
  await assertSurvives(t, "app.get('/', (_request, reply) => { reply.header('x-a', '日本'); throw new Response('a reason', { status: 422 }) })", 422, 'a reason')
})

t.test('survives a trailer that Node rejects, on a response without a body', async t => {
  await assertSurvives(t, "app.get('/', (_request, reply) => { reply.code(422).trailer('x-sum', async () => 'a\\r\\nb').send('a reason') })", 422, 'a reason')
})

t.test('logs an error with an unreadable cause, and keeps the connection open', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
  await app.register(reasonPhrase)
  const unreadable = Object.defineProperty(new Error('x'), 'message', { get () { throw new Error('no message') } })
  app.get('/', { onSend: () => { throw Object.assign(new Error('a secret'), { cause: unreadable, inner: unreadable }) } }, (_request, reply) => reply.unprocessable('A reason'))
  const connection = connect(await listen(t, app))
  for (const count of [1, 2]) {
    connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assertErrorResponse(t, (await connection.responses(count))[count - 1]!, 422, 'A reason')
  }
  connection.destroy()
  t.equal(lines.filter(({ msg, res }) => msg === 'A reason' && res.statusCode === 422).length, 2)
})

t.test('sends an error while an endless stream ignores backpressure', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  const endless = (): Readable => new Readable({ read () { this.push(Buffer.alloc(1000)) } })
  app.get('/put-back', { onSend: async () => endless() }, (_request, reply) => reply.notFound('A reason'))
  app.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.statusCode = 404
    reply.raw.statusMessage = 'A reason'
    endless().pipe(reply.raw)
  })
  const port = await listen(t, app)
  for (const url of ['/put-back', '/raw']) {
    assertErrorResponse(t, await exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`), 404, 'A reason')
  }
})
