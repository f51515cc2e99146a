import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'

t.test('logs the whole message once, at the level that Fastify would use', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines, 'trace') }))
  await app.register(reasonPhrase)
  const long = 'ä\r\n' + 'x'.repeat(1000)
  app.get('/decorator', (_request, reply) => reply.notFound(long))
  app.get('/decorator-5xx', (_request, reply) => reply.internalServerError(long))
  app.get('/silent', (_request, reply) => reply.notFound())
  app.get('/thrown', () => { throw Object.assign(new Error(long), { statusCode: 422 }) })
  app.get('/thrown-5xx', () => { throw new Error(long) })
  app.get('/thrown-string', () => { throw long })
  app.get('/body', (_request, reply) => { reply.code(404).send({ message: long }) })
  app.get('/folded', (_request, reply) => { reply.code(429).send({ message: long }) })
  app.get('/raw', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 404; reply.raw.end(long) })
  app.get('/handled', { errorHandler: (_error, _request, reply) => { reply.code(422).send({ message: 'handled' }) } }, () => { throw new Error(long) })
  app.get('/twice', { onSend: async (_request, reply) => { if (reply.statusCode >= 400) throw new Error(long) } }, (_request, reply) => reply.notFound('first'))
  await app.ready()

  const messagesOf = async (url: string): Promise<any[]> => {
    lines.length = 0
    await app.inject(url)
    await new Promise(setImmediate)
    return lines.filter(({ msg }) => !['incoming request', 'request completed'].includes(msg))
  }
  for (const [url, level, statusCode] of [
    ['/decorator', 30, 404], ['/decorator-5xx', 50, 500], ['/body', 30, 404], ['/folded', 30, 429], ['/raw', 30, 404]
  ] as const) {
    const [line, ...more] = await messagesOf(url)
    t.match(line, { level, msg: long, res: { statusCode } }, url)
    t.strictSame(more, [], 'once')
  }
  for (const [url, level] of [['/thrown', 30], ['/thrown-5xx', 50]] as const) {
    const [line, ...more] = await messagesOf(url)
    t.match(line, { level, msg: long, err: { message: long, stack: String } }, url)
    t.strictSame(more, [], 'once')
  }
  t.match(await messagesOf('/thrown-string'), [{ level: 50, err: long }], 'logs a thrown string')
  t.match(await messagesOf('/handled'), [{ level: 30, msg: 'handled', err: { message: long } }], 'logs the error that the error handler received')
  t.match((await messagesOf('/twice')).at(-1), { level: 30, err: { message: long } }, 'logs an error that is thrown while an error is sent')
  t.strictSame(await messagesOf('/silent'), [], 'logs nothing without a message')
  t.match(await messagesOf('/none'), [{ level: 30, msg: 'Route GET:/none not found' }], 'logs a missing route')
  t.match(await messagesOf('/%zz'), [{ level: 30, err: { code: 'FST_ERR_BAD_URL' } }], 'logs a malformed URL')
})
