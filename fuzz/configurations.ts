import { connect, type AddressInfo } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import reasonPhrase, { serverOptions } from '../index.js'
import { Contract, type ContractOptions } from '../lib/contract.js'
import { takeCrashes, watchForCrashes } from './crashes.js'
import { checkProperty, readSettings } from './property.js'
import { textOf } from './values.js'
import { findViolations, describeSyntaxError, inject, readResponses } from './responses.js'
import { withTimeout } from './with-timeout.js'

const SETTINGS = readSettings(20_000)
const { runs: RUNS, seed: SEED } = SETTINGS
const TIMEOUT_MS = 1500

watchForCrashes()

// Close all connections: a request without a response is reported as a timeout, and must not delay the close.
const SERVER_OPTIONS = { forceCloseConnections: true }

const HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend', 'onError', 'onResponse'] as const
const ACTIONS = ['throws', 'throws a text', 'throws a 4xx', 'answers', 'sends an error', 'changes', 'passes'] as const

const hook = fc.record({
  name: fc.constantFrom(...HOOKS),
  style: fc.constantFrom('async', 'callback'),
  action: fc.constantFrom(...ACTIONS),
  to: fc.constantFrom('root', 'child', 'grandchild', 'route'),
  when: fc.constantFrom('before', 'after')
})
type Hook = typeof hook extends fc.Arbitrary<infer T> ? T : never

const HANDLERS = ['throws', 'throws a text', 'throws a 4xx', 'rejects', 'sends JSON', 'sends text', 'sends nothing', 'sends the error', 'sends a status alone', 'decorator', 'raw', 'stream'] as const
const handler = fc.constantFrom(...HANDLERS)
const place = fc.constantFrom('root', 'child', 'grandchild')

const header = fc.oneof(
  { weight: 10, arbitrary: fc.constant('EB-REASON-PHRASE') },
  { weight: 10, arbitrary: fc.stringMatching(/^[Xx]-[A-Za-z0-9-]{0,20}$/) },
  fc.constantFrom('x-reason', 'X', 'Content-Reason', 'Date', 'connection', '__proto__', 'constructor', '', 'a b', 'x:y', 'ü', 'etag', 'status', ':status', 'a'.repeat(300))
)
const options = fc.record({
  header,
  statusCodes: fc.oneof(
    { weight: 10, arbitrary: fc.dictionary(fc.integer({ min: 400, max: 599 }).map(String), fc.stringMatching(/^[!-~]([!-~]{0,30}[!-~])?$/), { maxKeys: 4 }) },
    fc.dictionary(fc.constantFrom('200', '399', '404', '600', 'x', '__proto__'), fc.constantFrom('', 'ü', 'a\r\nb', 'a  b', 'a'.repeat(128), 'a'.repeat(129)), { maxKeys: 2 })
  ),
  exposeServerErrors: fc.oneof({ weight: 30, arbitrary: fc.boolean() }, fc.constantFrom('yes', null)),
  challenge: fc.oneof({ weight: 10, arbitrary: fc.constantFrom('HMAC', 'Basic realm="a"', 'Bearer') }, fc.constantFrom('', ' ', 'a\nb'))
}, { requiredKeys: [] })

const configuration = fc.record({
  options,
  server: fc.constantFrom('with the options', 'with none', 'plain'),
  register: fc.constantFrom('root', 'root', 'root', 'child', 'twice', 'root and child', 'after the routes'),
  hooks: fc.array(hook, { maxLength: 5 }),
  errorHandlers: fc.uniqueArray(fc.record({ to: fc.constantFrom('root', 'child', 'grandchild', 'route'), does: handler }), { maxLength: 3, selector: ({ to }) => to }),
  notFoundHandlers: fc.uniqueArray(fc.record({ to: place, does: handler }), { maxLength: 2, selector: ({ to }) => to }),
  handler: fc.constantFrom(...HANDLERS, 'succeeds'),
  statusCode: fc.oneof(fc.constantFrom(400, 401, 404, 422, 500, 503), fc.integer({ min: 400, max: 599 })),
  prefixes: fc.tuple(fc.constantFrom('', '/child', '/a/b', '/:id'), fc.constantFrom('', '/inner', '/:inner')),
  errorSchemas: fc.constantFrom(undefined, 'ignore', 'ignore', 'reject'),
  schema: fc.constantFrom(undefined, undefined, undefined, 'query', '2xx', '4xx'),
  methods: fc.subarray(['GET', 'HEAD', 'POST', 'OPTIONS', 'BREW'], { minLength: 2 })
})
type Configuration = typeof configuration extends fc.Arbitrary<infer T> ? T : never

type Handler = (request: FastifyRequest, reply: FastifyReply, error?: unknown) => unknown

function handlerOf (does: typeof HANDLERS[number] | 'succeeds', statusCode: number): Handler {
  switch (does) {
    case 'throws': return () => { throw new Error('thrown') }
    // If an error handler throws a value that is not an Error, Fastify sends the value as the payload of a 200. So set the status
    // code.
    case 'throws a text': return (_request, reply) => { reply.code(statusCode); throw 'a text' } // eslint-disable-line no-throw-literal
    case 'throws a 4xx': return () => { throw Object.assign(new Error('refused'), { statusCode: 422 }) }
    case 'rejects': return async () => { await tick(); throw new Error('rejected') }
    case 'sends JSON': return (_request, reply) => { reply.code(statusCode).send({ message: 'a message' }) }
    case 'sends text': return async (_request, reply) => { reply.code(statusCode); return 'a text\r\n' }
    case 'sends nothing': return (_request, reply) => { reply.code(statusCode).send() }
    case 'sends the error': return (_request, reply, error) => { reply.send(error ?? new Error('an error')) }
    case 'sends a status alone': return async (_request, reply) => { reply.code(statusCode); return null }
    case 'decorator': return async (_request, reply) => reply.code(statusCode).send(new Error('an error'))
    case 'raw': return (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(statusCode, { 'content-type': 'text/plain' })
      reply.raw.end('a body')
    }
    case 'stream': return async (_request, reply) => reply.code(statusCode).send(new Response('a body').body)
    case 'succeeds': return () => ({ ok: true })
  }
}

/** Returns a hook. Its parameters depend on the name, and on whether the hook is asynchronous. */
function hookOf ({ name, style, action }: Hook, statusCode: number): (...args: any[]) => unknown {
  const hasPayload = name === 'preSerialization' || name === 'onSend' || name === 'preParsing'
  const isLate = name === 'preSerialization' || name === 'onSend' || name === 'onError' || name === 'onResponse'
  const act = (reply: FastifyReply, payload: unknown): { error?: unknown, payload?: unknown, answered?: boolean } => {
    switch (action) {
      case 'throws': return { error: new Error('of a hook') }
      case 'throws a text': return { error: 'a text of a hook' }
      case 'throws a 4xx': return { error: Object.assign(new Error('refused by a hook'), { statusCode: 403 }) }
      case 'answers':
      case 'sends an error':
        if (isLate) return { payload }
        reply.code(statusCode).send(action === 'answers' ? { message: 'of a hook' } : new Error('sent by a hook'))
        return { answered: true }
      case 'changes': return { payload: name === 'onSend' ? '{"message":"changed"}' : name === 'preSerialization' ? { message: 'changed' } : payload }
      case 'passes': return { payload }
    }
  }
  if (style === 'async') {
    return hasPayload
      ? async (_request: FastifyRequest, reply: FastifyReply, before: unknown) => {
        const { error, payload, answered } = act(reply, before)
        if (error !== undefined) throw error
        return answered ? reply : payload
      }
      : async (_request: FastifyRequest, reply: FastifyReply) => {
        const { error, answered } = act(reply, undefined)
        if (error !== undefined) throw error
        if (answered) return reply
      }
  }
  const call = (reply: FastifyReply, before: unknown, done: (error?: unknown, payload?: unknown) => void): void => {
    const { error, payload, answered } = act(reply, before)
    // Fastify ignores an error that an onError hook passes to its callback.
    if (!answered) name === 'onError' ? done() : hasPayload ? done(error ?? null, payload) : done(error)
  }
  return hasPayload
    ? (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: () => void) => { call(reply, payload, done) }
    : name === 'onError'
      ? (_request: FastifyRequest, reply: FastifyReply, _error: unknown, done: () => void) => { call(reply, undefined, done) }
      : (_request: FastifyRequest, reply: FastifyReply, done: () => void) => { call(reply, undefined, done) }
}

function routeOptions ({ hooks, errorHandlers, schema, statusCode }: Configuration): RouteShorthandOptions {
  const options: Record<string, unknown> = {}
  for (const given of hooks) {
    if (given.to === 'route') options[given.name] = [...(options[given.name] as unknown[] | undefined ?? []), hookOf(given, statusCode)]
  }
  for (const { to, does } of errorHandlers) {
    const handle = handlerOf(does, statusCode)
    if (to === 'route') options.errorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => handle(request, reply, error)
  }
  if (schema === 'query') options.schema = { querystring: { type: 'object', required: ['none'] } }
  if (schema === '2xx') options.schema = { response: { 200: { type: 'object', properties: { ok: { type: 'boolean' } } } } }
  if (schema === '4xx') options.schema = { response: { '4xx': { type: 'object', properties: { message: { type: 'string' } } } } }
  return options
}

/** Builds a service with the configuration. Throws if the library or Fastify rejects the configuration. */
async function build (given: Configuration): Promise<FastifyInstance> {
  const { options, server, register, hooks, errorHandlers, notFoundHandlers, handler, statusCode, prefixes, errorSchemas } = given
  const contract = options as ContractOptions
  const app: FastifyInstance = Fastify(server === 'plain' ? SERVER_OPTIONS : serverOptions(SERVER_OPTIONS, server === 'with the options' ? contract : {}))
  const plugin = async (to: FastifyInstance): Promise<void> => {
    await to.register(reasonPhrase, { ...(server === 'plain' && contract), ...(errorSchemas !== undefined && { errorSchemas: errorSchemas as 'ignore' }) })
  }
  const addHooks = (to: FastifyInstance, name: string, when: string): void => {
    for (const hook of hooks) if (hook.to === name && hook.when === when) to.addHook(hook.name as 'onSend', hookOf(hook, statusCode) as never)
  }
  const addHandlers = (to: FastifyInstance, name: string): void => {
    for (const { to: where, does } of errorHandlers) {
      const handle = handlerOf(does, statusCode)
      if (where === name) to.setErrorHandler((error, request, reply) => handle(request, reply, error))
    }
    for (const { to: where, does } of notFoundHandlers) {
      const handle = handlerOf(does, statusCode)
      if (where === name) to.setNotFoundHandler((request, reply) => handle(request, reply))
    }
    to.get('/route', routeOptions(given), handlerOf(handler, statusCode))
    to.post('/route', routeOptions(given), handlerOf(handler, statusCode))
  }

  addHooks(app, 'root', 'before')
  if (register !== 'child' && register !== 'after the routes') await plugin(app)
  if (register === 'twice') await plugin(app)
  addHooks(app, 'root', 'after')
  addHandlers(app, 'root')
  app.register(async child => {
    addHooks(child, 'child', 'before')
    if (register === 'child' || register === 'root and child') await plugin(child)
    addHooks(child, 'child', 'after')
    addHandlers(child, 'child')
    child.register(async grandchild => {
      addHooks(grandchild, 'grandchild', 'before')
      addHooks(grandchild, 'grandchild', 'after')
      addHandlers(grandchild, 'grandchild')
    }, { prefix: `${prefixes[1]}/grandchild` })
  }, { prefix: `${prefixes[0]}/child` })
  if (register === 'after the routes') await plugin(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

/** Sends bytes on a new connection, and returns all bytes that the server sends until it closes the connection. */
async function sendRequest (port: number, bytes: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1', () => { socket.write(bytes) })
  socket.on('data', chunk => { chunks.push(chunk) })
  socket.on('error', () => {})
  await new Promise(resolve => { socket.once('close', resolve) })
  return Buffer.concat(chunks)
}

let built = 0
let rejected = 0
let answers = 0
let done = 0
const started = Date.now()

async function checkResponses (given: Configuration, app: FastifyInstance): Promise<string[]> {
  const { server, register, prefixes, methods, options } = given
  const contract = new Contract(server === 'with none' ? {} : options as ContractOptions)
  const { port } = app.server.address() as AddressInfo
  const child = `${prefixes[0]}/child`.replace(':id', '7')
  const inner = `${child}${prefixes[1]}/grandchild`.replace(':inner', '8')
  // Without serverOptions(), the plugin covers only its own context: the routes that are registered after it, but no earlier
  // hooks.
  if (server === 'plain' && register === 'child' && given.hooks.some(({ to, when }) => to === 'root' || (to === 'child' && when === 'before'))) return []
  const isEverywhere = server !== 'plain' || (register !== 'child' && register !== 'after the routes')
  const paths = isEverywhere ? ['', child, inner] : register === 'child' ? [child, inner] : []
  const targets = paths.flatMap(path => [`${path}/route`, ...(isEverywhere ? [`${path}/none`, `${path}/%`] : [])])
  const problems: string[] = []
  for (const [index, target] of targets.entries()) {
    const method = methods[(index + done) % methods.length]!
    const isMalformed = method === 'BREW'
    if ((isMalformed || target.endsWith('%')) && server === 'plain') continue
    // If there is no route for the method, the root context sends the response.
    if (!isEverywhere && method === 'OPTIONS') continue
    const what = `${method} ${target}`
    try {
      const bytes = await withTimeout(TIMEOUT_MS, sendRequest(port, `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`))
      const [answer, ...more] = await readResponses(bytes, () => method)
      answers++
      if (answer === undefined || more.length > 0) problems.push(`${what} on a socket: ${more.length + (answer ? 1 : 0)} responses`)
      else problems.push(...findViolations(answer, contract).map(breach => `${what} on a socket: ${breach}`))
    } catch (error) {
      problems.push(`${what} on a socket: ${error instanceof Error && 'bytes' in error ? describeSyntaxError(error) : textOf(error)}`)
    }
    // inject() creates its own response object, so the plugin covers the response only after routing.
    if (isMalformed || target.endsWith('%') || !(register !== 'child' && register !== 'after the routes') || isHookedBefore(given)) continue
    try {
      const answer = await withTimeout(TIMEOUT_MS, inject(app, { method: method as 'GET', url: target }))
      answers++
      problems.push(...findViolations(answer, contract).map(breach => `${what} by inject: ${breach}`))
    } catch (error) {
      problems.push(`${what} by inject: ${textOf(error)}`)
    }
  }
  return problems
}

/** Returns whether a hook of the root context can send a response before the hook of the plugin runs. */
function isHookedBefore ({ hooks }: Configuration): boolean {
  return hooks.some(({ when, to }) => when === 'before' && to === 'root')
}

/**
 * Returns whether the configuration makes Fastify itself crash: Fastify sends a thrown value that is not an Error through
 * the onSend hooks, and an error in one of these hooks is then uncaught.
 */
function endsFastify ({ hooks, handler, errorHandlers, notFoundHandlers }: Configuration): boolean {
  const throwsText = [handler, ...hooks.map(({ action }) => action), ...[...errorHandlers, ...notFoundHandlers].map(({ does }) => does)].includes('throws a text')
  return throwsText && hooks.some(({ name, action }) => (name === 'onSend' || name === 'preSerialization') && action.startsWith('throws'))
}

async function runCase (given: Configuration): Promise<void> {
  fc.pre(!endsFastify(given))
  let app: FastifyInstance | undefined
  try {
    app = await withTimeout(TIMEOUT_MS, build(given))
    built++
  } catch (error) {
    rejected++
    if (!(error instanceof Error) || error.message === '') throw new Error(`rejected without a message: ${textOf(error)}`)
  }
  const problems = app === undefined ? [] : await checkResponses(given, app)
  await withTimeout(TIMEOUT_MS, Promise.resolve(app?.close()))
  await tick()
  problems.push(...takeCrashes().map(crash => `crash: ${crash}`))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  if (++done % Math.max(200, Math.floor(RUNS / 20)) === 0) console.log(`${done} of ${RUNS} configurations, ${Math.round(done / (Date.now() - started) * 1000)} a second`)
}

console.log(`configurations: ${RUNS} runs, seed ${SEED}`)
await checkProperty('configurations', SETTINGS, configuration, runCase, () => `${built} kept the contract in ${answers} answers, ${rejected} were rejected with a message`)
