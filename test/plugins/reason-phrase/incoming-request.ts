import Fastify, { LogController, type FastifyInstance, type FastifyReply } from 'fastify'
import t from 'tap'
import { onIncomingRequest } from '../../../plugins/reason-phrase/incoming-request.js'

t.test('calls the listener once for each request, before any hook', async t => {
  const app = Fastify()
  const calls: string[] = []
  app.addHook('onRequest', (_request, _reply, done) => { calls.push('hook'); done() })
  onIncomingRequest(app, reply => { calls.push(`listener ${reply.request.url}`) })
  app.get('/', async () => 'ok')
  await app.inject('/')
  await app.inject('/none')
  t.strictSame(calls, ['listener /', 'hook', 'listener /none', 'hook'])
})

t.test('adds no onRequest hook', async t => {
  const app = Fastify()
  onIncomingRequest(app, () => {})
  app.get('/', async () => 'ok')
  await app.ready()
  t.notMatch(app.printRoutes({ includeHooks: true }), /onRequest/)
})

t.test('calls the listener only for the instance and its children, even if services share a LogController', async t => {
  const logController = new LogController()
  const urls: string[] = []
  const app = Fastify({ logController })
  await app.register(async child => {
    onIncomingRequest(child, reply => { urls.push(reply.request.url) })
    child.get('/child', async () => 'ok')
    await child.register(async grandchild => { grandchild.get('/grandchild', async () => 'ok') })
  })
  app.get('/sibling', async () => 'ok')
  const other = Fastify({ logController })
  other.get('/other', async () => 'ok')
  for (const url of ['/child', '/grandchild', '/sibling']) await app.inject(url)
  await other.inject('/other')
  t.strictSame(urls, ['/child', '/grandchild'])
})

t.test('keeps the LogController of the service, and its log line of the request', async t => {
  const lines: string[] = []
  class Own extends LogController {
    #count = 0
    override incomingRequest (request: never, reply: FastifyReply): void {
      super.incomingRequest(request, reply)
      reply.log.info(`request number ${++this.#count}`)
    }
  }
  const app = Fastify({ logController: new Own(), logger: { stream: { write (line: string) { lines.push(JSON.parse(line).msg) } } } })
  onIncomingRequest(app, () => { lines.push('listener') })
  app.get('/', async () => 'ok')
  await app.inject('/')
  t.strictSame(lines, ['listener', 'incoming request', 'request number 1', 'request completed'])
})

t.test("uses an onRequest hook if Fastify's LogController cannot be found", async t => {
  const hooks: Record<string, (request: unknown, reply: unknown, done: () => void) => void> = {}
  const app = { decorate () {}, addHook (name: string, hook: never) { hooks[name] = hook } }
  const replies: unknown[] = []
  onIncomingRequest(app as unknown as FastifyInstance, reply => { replies.push(reply) })
  let isDone = false
  hooks.onRequest!({}, 'the reply', () => { isDone = true })
  t.strictSame(replies, ['the reply'])
  t.ok(isDone)
})
