import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { connect, exchange, listen, valuesOf } from '../../fixtures/wire.js'

t.test('sends a success as Fastify does, without the header of the contract', async t => {
  const app = Fastify()
  const stock = Fastify()
  await app.register(reasonPhrase)
  for (const service of [app, stock]) {
    service.get('/json', () => ({ message: 'fine' }))
    service.get('/text', () => 'fine')
    service.get('/buffer', () => Buffer.from('fine'))
    service.get('/stream', (_request, reply) => { reply.send(Readable.from(['fi', 'ne'])) })
    service.get('/web', () => new Response('fine', { headers: { etag: '"1"' } }))
    service.get('/web/status', (_request, reply) => { reply.code(404).send(new Response('its own status goes first')) })
    service.get('/empty', (_request, reply) => { reply.code(204).send() })
    service.get('/redirect', (_request, reply) => { reply.redirect('/json') })
    service.get('/trailer', (_request, reply) => { reply.trailer('x-sum', (_reply, _payload, done) => { done(null, '1') }).send('fine') })
    service.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, 'Fine', { 'content-type': 'text/plain' })
      reply.raw.flushHeaders()
      reply.raw.write('fi', () => { reply.raw.end('ne') })
    })
    service.get('/raw/array', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, ['x-a', '1', 'x-a', '2']).end('fine') })
  }
  const port = await listen(t, app)
  const stockPort = await listen(t, stock)
  for (const url of ['json', 'text', 'buffer', 'stream', 'web', 'web/status', 'empty', 'redirect', 'trailer', 'raw', 'raw/array']) {
    for (const method of url.startsWith('web') ? ['GET'] : ['GET', 'HEAD']) {
      const [ours, theirs] = await Promise.all([port, stockPort].map(async port => {
        const connection = connect(port)
        connection.write(`${method} /${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
        return (await connection.closed()).replace(/^Date: .*$/m, '')
      }))
      t.equal(ours, theirs, `${method} ${url}`)
    }
  }

  const carrying = Fastify()
  await carrying.register(reasonPhrase)
  carrying.get('/reply', (_request, reply) => { reply.header('EB-REASON-PHRASE', 'odd').send('fine') })
  carrying.get('/set', (_request, reply) => { reply.hijack(); reply.raw.setHeader('EB-Reason-Phrase', 'odd'); reply.raw.end('fine') })
  carrying.get('/object', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, { 'EB-REASON-PHRASE': 'odd', 'x-kept': '1' }).end('fine') })
  carrying.get('/phrase', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, 'Fine', { 'EB-REASON-PHRASE': 'odd', 'x-kept': '1' }).end('fine') })
  carrying.get('/array', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, ['EB-REASON-PHRASE', 'odd', 'x-kept', '1']).end('fine') })
  const carryingPort = await listen(t, carrying)
  for (const url of ['reply', 'set', 'object', 'phrase', 'array']) {
    const response = await exchange(carryingPort, `GET /${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    t.equal(response.statusCode, 200)
    t.equal(response.body, 'fine')
    t.strictSame(valuesOf(response, 'eb-reason-phrase'), [], url)
    if (!['reply', 'set'].includes(url)) t.strictSame(valuesOf(response, 'x-kept'), ['1'], 'keeps the other headers')
    if (url === 'phrase') t.equal(response.phrase, 'Fine')
  }
})
