import { ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'
import { assertErrorResponse, exchange, listen } from '../../fixtures/wire.js'

const SECRET = 'password authentication failed for user "root"'
const secret = (): Error => new Error(SECRET)

/** Builds an app, and returns the reason of `GET /` and the log lines, without those that Fastify logs for each request. */
async function get (build: (app: FastifyInstance) => unknown): Promise<{ statusCode: number, reason: unknown, lines: any[] }> {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) })) as unknown as FastifyInstance
  await build(app)
  await app.ready()
  lines.length = 0
  const { statusCode, headers, body } = await app.inject('/')
  await new Promise(setImmediate)
  await app.close()
  if (body !== '') throw new Error('The response has a body')
  return { statusCode, reason: headers['eb-reason-phrase'], lines: lines.filter(({ msg }) => !/^(?:incoming request|request completed)$/.test(msg)) }
}

t.test('keeps the message of an error handler when a later hook fails', async t => {
  const answers: Array<[title: string, send: (reply: FastifyReply) => unknown, reason: string]> = [
    ['a text', reply => reply.send('It is gone'), 'It is gone'],
    ['an object', reply => reply.send({ message: 'It is gone' }), 'It is gone'],
    ['a page', reply => reply.type('text/html').send('<h1>Sorry</h1>'), 'Not Found'],
    ['no body', reply => reply.send(), 'Not Found'],
    ['a decorator with an error', reply => reply.notFound(new Error('It is gone') as never), 'It is gone']
  ]
  for (const [title, send, expected] of answers) {
    const { statusCode, reason } = await get(async app => {
      await app.register(reasonPhrase)
      app.addHook('onSend', async () => { throw secret() })
      app.setErrorHandler((_error, _request, reply) => send(reply.code(404)))
      app.get('/', () => { throw new Error('first') })
    })
    t.strictSame({ statusCode, reason }, { statusCode: 404, reason: expected }, title)
  }
})

t.test('lets an error handler replace the message of an error if a hook throws while the error is sent', async t => {
  const { statusCode, reason } = await get(async app => {
    await app.register(reasonPhrase)
    app.setErrorHandler((_error, _request, reply) => reply.code(500).send({ message: 'We are sorry' }))
    app.get('/', { onSend: async (_request, reply) => { if (reply.statusCode === 404) throw secret() } }, (_request, reply) => reply.notFound('It is gone'))
  })
  t.strictSame({ statusCode, reason }, { statusCode: 500, reason: 'We are sorry' })
})

t.test('keeps the message of an error that a decorator got private if a hook throws', async t => {
  const { statusCode, reason } = await get(async app => {
    await app.register(reasonPhrase)
    app.setErrorHandler((_error, _request, reply) => reply.code(500).send())
    app.get('/', { onSend: async (_request, reply) => { if (reply.statusCode === 404) throw new Error('hook') } }, (_request, reply) => reply.notFound(secret() as never))
  })
  t.strictSame({ statusCode, reason }, { statusCode: 500, reason: 'Internal Server Error' })
})

t.test('sends 500 if a preSerialization hook throws a value that is not an Error, whenever the hook was added', async t => {
  const fail = async (): Promise<never> => { throw { message: SECRET } } // eslint-disable-line no-throw-literal
  const builds: Array<(app: FastifyInstance) => unknown> = [
    async app => {
      await app.register(reasonPhrase)
      app.addHook('onRoute', route => { route.preSerialization = fail })
      app.get('/', async () => ({ a: 1 }))
    },
    async app => {
      app.get('/', { preSerialization: fail }, async () => ({ a: 1 }))
      await app.register(reasonPhrase)
    }
  ]
  for (const build of builds) {
    const { statusCode, reason } = await get(build)
    t.strictSame({ statusCode, reason }, { statusCode: 500, reason: 'Internal Server Error' })
  }
})

t.test('keeps the message of a thrown object private, even if another hook changes its text', async t => {
  const { statusCode, reason } = await get(async app => {
    await app.register(reasonPhrase)
    app.addHook('preSerialization', async (_request, _reply, payload) => ({ ...payload as object, requestId: 1 }))
    app.get('/', () => { throw { message: SECRET } }) // eslint-disable-line no-throw-literal
  })
  t.strictSame({ statusCode, reason }, { statusCode: 500, reason: 'Internal Server Error' })
})

t.test('sends the message of an error handler that sets content-length, and logs the error once', async t => {
  const { statusCode, reason, lines } = await get(async app => {
    await app.register(reasonPhrase)
    app.setErrorHandler((_error, _request, reply) => reply.code(500).header('content-length', 26).send({ message: 'We are sorry' }))
    app.get('/', () => { throw secret() })
  })
  t.strictSame({ statusCode, reason }, { statusCode: 500, reason: 'We are sorry' })
  t.match(lines, [{ level: 50, msg: 'We are sorry', err: { message: SECRET } }])
})

t.test('sends the message of the error that a decorator got, not the text of an earlier hook', async t => {
  const { statusCode, reason } = await get(async app => {
    app.addHook('onSend', async () => 'a text of the hook')
    await app.register(reasonPhrase)
    app.get('/', (_request, reply) => reply.notFound(new Error('It is gone') as never))
  })
  t.strictSame({ statusCode, reason }, { statusCode: 404, reason: 'It is gone' })
})

t.test('does not send the message of an error that is thrown after raw.writeHead()', async t => {
  for (const [code, phrase] of [[400, 'Bad Request'], [500, 'Internal Server Error']] as const) {
    const { statusCode, reason, lines } = await get(async app => {
      await app.register(reasonPhrase)
      app.get('/', (_request, reply) => {
        reply.raw.writeHead(code)
        throw secret()
      })
    })
    t.strictSame({ statusCode, reason }, { statusCode: code, reason: phrase })
    t.equal(lines.filter(({ err }) => err?.message === SECRET).length, 1, 'logs it once')
  }
})

t.test('applies a removed schema, and logs once, if the onError hook of another plugin throws', async t => {
  const schema = { response: { default: { type: 'object', properties: { code: { type: 'string' } } } } }
  for (const [options, expected] of [[{ schema }, 'Not Found'], [{}, 'It is gone']] as const) {
    const { statusCode, reason, lines } = await get(async app => {
      app.addHook('onError', async () => { throw new Error('hook') })
      await app.register(reasonPhrase, { errorSchemas: 'ignore' })
      app.get('/', options, () => { throw Object.assign(new Error('It is gone'), { statusCode: 404 }) })
    })
    t.strictSame({ statusCode, reason }, { statusCode: 404, reason: expected })
    t.equal(lines.length, 1)
  }
})

t.test('sends the message of an object if a later hook throws', async t => {
  const { statusCode, reason } = await get(async app => {
    await app.register(reasonPhrase)
    app.addHook('preSerialization', async (_request, _reply, payload) => ({ ...payload as object, message: 'changed' }))
    await app.register(async child => {
      child.addHook('preSerialization', async () => { throw secret() })
      child.get('/', async (_request, reply) => reply.code(404).send({ message: 'It is gone' }))
    })
  })
  t.strictSame({ statusCode, reason }, { statusCode: 404, reason: 'It is gone' })
})

t.test('sends the message of an error handler if an earlier hook throws for its object', async t => {
  const { statusCode, reason } = await get(async app => {
    app.addHook('onSend', async (_request, _reply, payload) => { if (String(payload).includes('sorry')) throw secret() })
    await app.register(reasonPhrase)
    app.setErrorHandler((_error, _request, reply) => reply.code(404).send({ message: 'We are sorry' }))
    app.get('/', () => { throw new Error('first') })
  })
  t.strictSame({ statusCode, reason }, { statusCode: 404, reason: 'We are sorry' })
})

t.test('logs the text of a not-found handler that repeats Fastify\'s message', async t => {
  const { lines } = await get(async app => {
    await app.register(reasonPhrase)
    app.setNotFoundHandler((request, reply) => { reply.code(404).send(`Route ${request.method}:${request.url} not found`) })
  })
  t.match(lines, [{ level: 30, msg: 'Route GET:/ not found' }])
})

t.test('calls methods of the Node class that are replaced after serverOptions()', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', async () => 'ok')
  const port = await listen(t, app as unknown as FastifyInstance)
  const { end } = ServerResponse.prototype
  let count = 0
  ServerResponse.prototype.end = function (this: ServerResponse, ...args: any) {
    count++
    return Reflect.apply(end, this, args)
  } as typeof end
  t.teardown(() => { ServerResponse.prototype.end = end })
  t.equal((await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).statusCode, 200)
  assertErrorResponse(t, await exchange(port, 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'Route GET:/none not found')
  t.equal(count, 2)
})
