import { Readable } from 'node:stream'
import sensible from '@fastify/sensible'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import httpErrors from 'http-errors'
import t, { type Test } from 'tap'
import reasonPhrase, { type ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'

interface Line { level: number, msg: string }

/** Returns a service with the plugin, and a function that returns the warnings that were logged since its last call. */
async function build (t: Test, options: ReasonPhraseOptions = {}, server: object = {}): Promise<{ app: FastifyInstance, warnings: () => string[] }> {
  const lines: Line[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines), ...server })) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(reasonPhrase, options)
  return { app, warnings: () => lines.splice(0).filter(({ level }) => level === 40).map(({ msg }) => msg) }
}

const LOST = { errors: [{ field: 'name', rule: 'unique' }] }

type Sender = (reply: FastifyReply) => unknown

t.test('warns once for each route whose payload is dropped, and names the route, the status code and what to do', async t => {
  const { app, warnings } = await build(t)
  app.get('/topic/:id', (_request, reply) => reply.code(404).send(LOST))
  app.post('/topic/:id', async (_request, reply) => reply.code(409).send(LOST))
  await app.inject('/topic/1')
  t.strictSame(warnings(), [
    'fastify-reason-phrase: the route GET /topic/:id sent a payload with status code 404, and the payload was dropped, because an unsuccessful response has no body. ' +
    'Put what the client needs to know in the message of a reply decorator, or set config.reasonPhrase of the route to false. This warning is logged once for each route'
  ])
  for (let i = 0; i < 3; i++) await app.inject(`/topic/${i}`)
  t.strictSame(warnings(), [], 'warns once for all URLs of a route')
  await app.inject({ method: 'POST', url: '/topic/1' })
  t.match(warnings(), [/the route POST \/topic\/:id sent a payload with status code 409,/], 'names the status code of the handler')
})

const LOSING: Record<string, Sender> = {
  'an object': reply => reply.code(404).send(LOST),
  'an object with more than a message': reply => reply.code(404).send({ message: 'It is taken', ...LOST }),
  'JSON as a text': reply => reply.code(404).type('application/json').send(JSON.stringify(LOST)),
  bytes: reply => reply.code(404).send(Buffer.from(JSON.stringify(LOST))),
  'a page': reply => reply.code(404).type('text/html').send('<h1>Not here</h1>'),
  'a stream of JSON': reply => reply.code(404).type('application/json').send(Readable.from([JSON.stringify(LOST)])),
  'a stream that is not read': reply => reply.code(404).type('text/html').send(Readable.from(['<h1>Not here</h1>'])),
  'a stream that is compressed': reply => reply.code(404).type('text/plain').header('content-encoding', 'gzip').send(Readable.from(['x'])),
  'a fetch Response': () => Response.json(LOST, { status: 404 }),
  'a fetch Response with a status text': () => new Response('<h1>Not here</h1>', { status: 404, statusText: 'It is gone' }),
  'a body, raw': reply => { reply.hijack(); reply.raw.writeHead(404).end(JSON.stringify(LOST)) },
  'a body in parts, raw': reply => { reply.hijack(); reply.raw.statusCode = 404; reply.raw.write('{"errors":'); reply.raw.end('[1]}') }
}

const KEEPING: Record<string, Sender> = {
  'a decorator': reply => reply.notFound('It is gone'),
  'no payload': reply => reply.code(404).send(),
  null: reply => reply.code(404).send(null),
  'an empty text': reply => reply.code(404).send(''),
  'an empty object': reply => reply.code(404).send({}),
  'a text': reply => reply.code(404).send('It is gone'),
  'an object with a message': reply => reply.code(404).send({ message: 'It is gone' }),
  'an object in the format of Fastify': reply => reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'It is gone' }),
  'a thrown error': () => { throw Object.assign(httpErrors(422, 'It is taken'), LOST) },
  'a thrown error without a message': () => { throw httpErrors(404, '') },
  'an error with a code': reply => reply.send(Object.assign(new Error('It is taken'), { code: 'E_TAKEN', statusCode: 409 })),
  'a thrown object': () => { throw { statusCode: 422, ...LOST } }, // eslint-disable-line no-throw-literal
  'reply.callNotFound()': reply => { reply.callNotFound() },
  'a stream of text': reply => reply.code(404).type('text/plain').send(Readable.from(['It is gone'])),
  'an empty stream': reply => reply.code(404).header('content-length', 0).send(Readable.from([])),
  'a stream beside a message in the header': reply => reply.code(404).header('eb-reason-phrase', 'It is gone').send(Readable.from(['x'])),
  'an empty fetch Response': () => new Response(null, { status: 404 }),
  'a text, raw': reply => { reply.hijack(); reply.raw.writeHead(404).end('It is gone') },
  'no body, raw': reply => { reply.hijack(); reply.raw.writeHead(404).end() },
  'a success': reply => reply.send(LOST)
}

for (const [verb, senders, count] of [['warns', LOSING, 1], ['does not warn', KEEPING, 0]] as const) {
  t.test(`${verb} where a handler sends`, async t => {
    const { app, warnings } = await build(t)
    for (const [i, send] of Object.values(senders).entries()) {
      app.get(`/${i}`, (_request, reply) => send(reply))
      app.get(`/handled/${i}`, { errorHandler: (_error, _request, reply) => { send(reply as FastifyReply) } }, () => { throw new Error('original') })
    }
    await app.ready()
    for (const [i, title] of Object.keys(senders).entries()) {
      await app.inject(`/${i}`)
      t.equal(warnings().length, count, title)
      // The errors and payloads of error handlers have their own tests.
      if (/thrown|Response|callNotFound/.test(title)) continue
      await app.inject(`/handled/${i}`)
      t.equal(warnings().length, count, `${title}, in an error handler`)
    }
  })
}

t.test('warns once for the not-found handler, and names it', async t => {
  const { app, warnings } = await build(t)
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(LOST))
  await app.inject('/a')
  t.match(warnings(), [/^fastify-reason-phrase: the handler of requests without a route sent a payload with status code 404/])
  for (const url of ['/b', '/c?d']) await app.inject(url)
  await app.inject({ method: 'POST', url: '/a' })
  t.strictSame(warnings(), [])
})

t.test('warns if frameworkErrors sends a payload that is dropped', async t => {
  const { app, warnings } = await build(t, {}, { frameworkErrors: (_error: Error, _request: unknown, reply: FastifyReply) => { reply.code(400).send(LOST) } })
  await app.inject('/%zz')
  await app.inject('/%zy')
  t.equal(warnings().length, 1)
})

t.test('warns if a hook sends a payload, added before or after the plugin', async t => {
  const { app, warnings } = await build(t)
  app.get('/hook', { preHandler: async (_request, reply) => reply.code(403).send(LOST) }, async () => 'ok')
  app.get('/late', { onSend: async () => JSON.stringify(LOST) }, (_request, reply) => reply.code(404).send())
  await app.inject('/hook')
  t.match(warnings(), [/GET \/hook sent a payload with status code 403/])
  await app.inject('/late')
  t.match(warnings(), [/GET \/late sent a payload with status code 404/])
})

t.test('does not warn on an exempt route, for HEAD, and for the errors of @fastify/sensible', async t => {
  const lines: Line[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) })) as unknown as FastifyInstance
  await app.register(sensible)
  await app.register(reasonPhrase)
  app.get('/exempt', { config: { reasonPhrase: false } }, (_request, reply) => reply.code(404).send(LOST))
  app.get('/lost', (_request, reply) => reply.code(404).send(LOST))
  app.get('/sensible', (_request, reply) => reply.notFound('It is gone'))
  app.get('/none', (_request, reply) => reply.notFound())
  t.same((await app.inject('/exempt')).json(), LOST)
  await app.inject({ method: 'HEAD', url: '/lost' })
  for (const url of ['/sensible', '/none']) await app.inject(url)
  t.strictSame(lines.filter(({ level }) => level === 40), [])
})

t.test('considers only the properties that a removed response schema has', async t => {
  const { app, warnings } = await build(t, { errorSchemas: 'ignore' })
  const schema = { response: { 404: { type: 'object', properties: { message: { type: 'string' } } } } }
  app.get('/', { schema }, (_request, reply) => reply.code(404).send({ message: 'It is gone', ...LOST }))
  await app.ready()
  warnings()
  await app.inject('/')
  t.strictSame(warnings(), [])
})

t.test('sends the error even if the logger throws', async t => {
  const { app } = await build(t)
  app.get('/', (_request, reply) => {
    reply.log.warn = () => { throw new Error('the log is full') }
    return reply.code(404).send(LOST)
  })
  t.equal((await app.inject('/')).statusCode, 404)
})
