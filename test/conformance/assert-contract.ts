import { AssertionError } from 'node:assert'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { request, Response as UndiciResponse } from 'undici'
import { assertContract, type AssertOptions } from '../../conformance/index.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import { listen } from '../fixtures/wire.js'

type Given = Parameters<typeof assertContract>[0]

async function breaks (t: Test, response: Given, rules: string[], options?: AssertOptions): Promise<AssertionError> {
  const error = await assertContract(response, options).then(() => undefined, error => error)
  t.type(error, AssertionError)
  t.strictSame(error.actual, rules)
  for (const rule of rules) t.match(error.message, `  ${rule}: `)
  return error
}

const good = 'HTTP/1.1 404 No thing\r\nContent-Length: 0\r\nEB-REASON-PHRASE: No thing\r\n\r\n'

t.test('checks the bytes of one response', async t => {
  await assertContract(good)
  await assertContract(Buffer.from(good))
  await assertContract(good.replace('Content-Length: 0\r\n', ''), { method: 'HEAD' })
  await assertContract('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
  const error = await breaks(t, 'HTTP/1.1 418 caf\xe9\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx', [
    'no-body', 'content-length', 'no-representation-metadata', 'status-in-table', 'header', 'phrase-ascii'
  ])
  t.match(error.message, 'The response (418) breaks the contract:\n  no-body: An unsuccessful response has no body (docs/contract.md#no-body), but found a body of 1 bytes\n')
  t.match(error.stack, /test\/conformance\/assert-contract/)
  await breaks(t, good + 'x', ['no-body'])
  await breaks(t, `${good}x`, ['no-body'], { method: 'HEAD' })
  await breaks(t, good + good, ['one-answer'])
  await breaks(t, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx', ['one-answer'])
  await breaks(t, 'x', ['syntax'])
  await breaks(t, good.slice(0, 20), ['syntax'])
  await breaks(t, good + good.slice(0, 20), ['syntax'])
  await breaks(t, '', ['answered'])
})

t.test('accepts a custom header and custom status codes', async t => {
  const response = 'HTTP/1.1 429 Slower\r\nContent-Length: 0\r\nX-Reason: Slower\r\n\r\n'
  await assertContract(response, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' } })
  await breaks(t, response, ['status-in-table', 'header'])
  await t.rejects(assertContract(response, { header: '' }), TypeError)
  await t.rejects(assertContract(response, { statuses: {} } as object), { name: 'TypeError', message: 'fastify-reason-phrase: unknown option "statuses" of assertContract(). The options are header, statusCodes, exposeServerErrors, challenge, requestId and method' })
})

t.test('checks responses of inject', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  app.get('/plain', (_request, reply) => { reply.code(404).send({ a: 1 }) })
  await app.register(reasonPhrase)
  app.get('/trailers', (_request, reply) => { reply.raw.writeHead(200, { 'set-cookie': ['a', 'b'], trailer: 'a' }).end() })
  await assertContract(await app.inject('/none'))
  await assertContract(await app.inject({ method: 'HEAD', url: '/none' }))
  await assertContract(await app.inject('/trailers'))
  const stock = Fastify()
  t.teardown(() => stock.close())
  await breaks(t, await stock.inject('/none'), ['no-body', 'content-length', 'no-representation-metadata', 'header'])
  await breaks(t, await stock.inject({ method: 'HEAD', url: '/none' }), ['content-length', 'no-representation-metadata', 'header'])
  const { statusCode, statusMessage, headers, trailers, rawPayload } = await app.inject('/none')
  await assertContract({ statusCode, statusMessage, headers: { ...headers, via: undefined }, trailers, rawPayload, raw: { req: {} } })
})

t.test('uses the header and the status codes of the service for a response of inject', async t => {
  const contract = { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' } }
  const app = Fastify(serverOptions({}, contract))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  app.get('/429', async (_request, reply) => reply.code(429).send())
  await assertContract(await app.inject('/429'))
  await assertContract(await app.inject('/%'))
  await assertContract(await app.inject('/429'), contract)
  await t.rejects(assertContract(await app.inject('/429'), { header: 'X-Other' }), {
    name: 'TypeError', message: /the kit was given header 'X-Other', but the service has 'X-Reason'/
  })
  await t.rejects(assertContract(await app.inject('/429'), { other: true } as AssertOptions), { name: 'TypeError', message: /unknown option "other"/ })
})

t.test('checks responses of fetch and undici', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', async () => 'good')
  const url = `http://127.0.0.1:${await listen(t, app)}`
  const stock = Fastify()
  const other = `http://127.0.0.1:${await listen(t, stock)}`

  await assertContract(await fetch(`${url}/none`))
  await assertContract(await fetch(`${url}/none`, { method: 'HEAD' }), { method: 'HEAD' })
  const success = await fetch(url)
  await assertContract(success)
  t.equal(await success.text(), 'good', 'does not read the body of a success')
  await breaks(t, await fetch(`${other}/none`), ['no-body', 'content-length', 'no-representation-metadata', 'header'])
  await assertContract(new UndiciResponse(null, { status: 404, headers: { 'eb-reason-phrase': 'a' } }) as unknown as Response)

  await assertContract(await request(`${url}/none`))
  await assertContract(await request(`${url}/none`, { method: 'HEAD' }), { method: 'HEAD' })
  const read = await request(url)
  await assertContract(read)
  t.equal(await read.body.text(), 'good', 'does not read the body of a success')
  await breaks(t, await request(`${other}/none`), ['no-body', 'content-length', 'no-representation-metadata', 'header'])

  // Older versions of undici do not return the status text.
  const { statusCode, headers, trailers, body } = await request(`${url}/none`)
  await assertContract({ statusCode, headers, trailers, body })

  const before = await request(`${url}/none`)
  await before.body.text()
  await t.rejects(assertContract(before), { name: 'TypeError', message: /call assertContract before you read it$/ })
})

t.test('throws a TypeError for a value that is not a response', async t => {
  for (const given of [undefined, null, 404, {}, { statusCode: 404 }, { headers: {} }]) {
    await t.rejects(assertContract(given as unknown as Given), { name: 'TypeError', message: /^fastify-reason-phrase: assertContract takes a response/ })
  }
})
