import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { addRoute, createService, transactionOf } from '../../fixtures/keyed-service.js'

const config = { idempotency: 'optional' } as const

function post (app: FastifyInstance, url: string, key?: string) {
  return app.inject({ method: 'POST', url, headers: key === undefined ? {} : { 'idempotency-key': key } })
}

t.test('records the same message that a request without a key gets', async t => {
  const { app, store } = await createService(t)
  app.setErrorHandler((error: Error, _request, reply) => {
    if (error.message === 'mapped') return reply.code(422).send({ message: 'It was mapped' })
    throw error
  })
  const handlers: Record<string, (reply: any) => unknown> = {
    '/thrown': () => { throw Object.assign(new Error('It was thrown'), { statusCode: 422 }) },
    '/other-code': () => { throw Object.assign(new Error('It is a teapot'), { statusCode: 418 }) },
    '/mapped': () => { throw new Error('mapped') },
    '/decorator': reply => reply.unprocessable('It was decorated'),
    '/object': reply => reply.code(404).send({ message: 'It is in an object', error: 'Not Found', statusCode: 404 }),
    '/text': reply => reply.code(404).type('text/plain').send('It is a text'),
    '/bytes': reply => reply.code(404).type('text/plain').send(Buffer.from('It is in bytes')),
    '/html': reply => reply.code(404).type('text/html').send('<p>It is a page'),
    '/header': reply => reply.code(404).header('EB-REASON-PHRASE', 'It is in the header').send(),
    '/phrase': reply => {
      reply.raw.statusMessage = 'It is the phrase'
      reply.code(404).send()
    },
    '/nothing': reply => reply.code(409).send(),
    '/401': reply => reply.unauthorized('Who are you?')
  }
  for (const [url, handler] of Object.entries(handlers)) {
    app.post(url, { config }, (request, reply) => {
      if (request.transaction !== undefined) transactionOf(request).insert(url)
      return handler(reply)
    })
  }
  for (const url of Object.keys(handlers)) {
    const unkeyed = await post(app, url)
    t.equal(unkeyed.headers['idempotency-status'], undefined)
    for (const replayed of [undefined, 'true']) {
      const { statusCode, statusMessage, body, headers } = await post(app, url, url)
      t.strictSame([statusCode, statusMessage, body, headers['eb-reason-phrase'], headers['www-authenticate']],
        [unkeyed.statusCode, unkeyed.statusMessage, '', unkeyed.headers['eb-reason-phrase'], unkeyed.headers['www-authenticate']], url)
      t.match(headers, { 'idempotency-status': 'rejected', 'idempotent-replayed': replayed })
    }
  }
  t.strictSame(store.effects, [], 'rolls back the effects of a rejection')
})

t.test('records the header fields of the option headers, and no others', async t => {
  const { app } = await createService(t, { options: { headers: ['x-count', 'x-list'] } })
  addRoute(app, async (_request, reply) => reply.code(201).headers({ location: '/1', 'x-count': 3, 'x-list': ['a', 'b'], 'x-other': 'c', 'content-encoding': 'identity' }).type('text/csv').send('a,b'))
  const first = await post(app, '/', 'a')
  const replay = await post(app, '/', 'a')
  t.match(first, { statusCode: 201, body: 'a,b', headers: { 'x-other': 'c' } })
  t.match(replay, {
    statusCode: 201,
    body: 'a,b',
    headers: { location: '/1', 'x-count': '3', 'x-list': ['a', 'b'], 'content-encoding': 'identity', 'content-type': first.headers['content-type'], 'x-other': undefined }
  })
})

t.test('sends 500 and rolls back if the response cannot be recorded', async t => {
  const { app, store, lines } = await createService(t, { options: { maxBytes: 10 } })
  let destroyed = 0
  const stream = () => new Readable({ read () {}, destroy (error, done) { destroyed++; done(error) } })
  const handlers: Record<string, [handler: (reply: any) => unknown, message: RegExp]> = {
    '/stream': [reply => reply.send(stream()), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/rejected-stream': [reply => reply.code(404).send(stream()), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/web-stream': [reply => reply.send(new ReadableStream({ cancel () { destroyed++ } })), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/response': [reply => reply.send(new Response(new ReadableStream({ cancel () { destroyed++ } }))), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/empty-response': [reply => reply.send(new Response(null)), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/long': [reply => reply.send('12345678901'), /body has 11 bytes\. The option maxBytes of idempotency is 10/],
    '/invalid-field': [reply => reply.header('location', 'a\nb').send('ok'), /the value of the header field location is not valid/],
    '/circular': [reply => {
      const circular: { self?: object } = {}
      circular.self = circular
      reply.send(circular)
    }, /circular/]
  }
  for (const [url, [handler]] of Object.entries(handlers)) {
    app.post(url, { config }, (request, reply) => {
      transactionOf(request).insert(url)
      handler(reply)
    })
  }
  app.post('/short', { config }, async () => '1234567890')
  for (const [url, [, message]] of Object.entries(handlers)) {
    lines.length = 0
    const { statusCode, headers } = await post(app, url, url)
    t.match({ statusCode, headers }, { statusCode: 500, headers: { 'eb-reason-phrase': 'Internal Server Error', 'idempotency-status': undefined } }, url)
    t.match(lines.find(({ err }) => err !== undefined)?.err.message, message)
    t.equal(store.log.at(-1), 'rollback')
  }
  t.strictSame([store.effects, store.settled.size, destroyed], [[], 0, 4])
  t.equal((await post(app, '/short', 'short')).statusCode, 200)
})
