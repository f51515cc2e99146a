// The same service on different servers, for requests with idempotency keys: POST /things creates a thing with a unique name,
// and POST /failing fails.
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { Idempotency, IdempotencyError, IdempotencyErrorCodes } from '@node-idempotency/core'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../../index.ts'
import idempotency, { memoryStore } from '../../plugins/idempotency/index.ts'

const require = createRequire(import.meta.url)
const version = name => require(`${name}/package.json`).version

const HANDLER_MS = 20

/** The options of the conformance kit for these servers. */
export const keyedOptions = {
  idempotent: [{ method: 'POST', url: '/things', body: { name: '{{uuid}}' }, required: true, failing: { method: 'POST', url: '/failing', body: { name: '{{uuid}}' } } }],
  outcomes: '/operation',
  otherHeaders: () => ({ 'x-caller': 'other' })
}

/** Functions that start the service, and return its port and a function that closes it. */
export const KEYED_SERVERS = {
  'fastify-reason-phrase/idempotency': async () => {
    const app = Fastify(serverOptions())
    await app.register(reasonPhrase)
    await app.register(idempotency, { store: memoryStore(), scope: ({ headers }) => String(headers['x-caller']), outcomes: '/operation' })
    return await listen(app)
  },
  [`@node-idempotency/core ${version('@node-idempotency/core')}`]: async () => {
    const app = Fastify()
    addHooks(app)
    return await listen(app)
  },
  [`Fastify ${version('fastify')}, without keys`]: () => listen(Fastify())
}

async function listen (app) {
  const names = new Set()
  app.post('/things', { config: { idempotency: 'required' } }, async ({ body: { name } }, reply) => {
    await sleep(HANDLER_MS)
    if (names.has(name)) return reply.code(422).send({ message: 'The name is taken' })
    names.add(name)
    return reply.code(201).send({ id: randomUUID(), name })
  })
  app.post('/failing', { config: { idempotency: 'required' } }, async () => { throw new Error('It fails') })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, close: () => app.close() }
}

const STATUS_CODES = {
  [IdempotencyErrorCodes.REQUEST_IN_PROGRESS]: 409,
  [IdempotencyErrorCodes.IDEMPOTENCY_FINGERPRINT_MISSMATCH]: 422,
  [IdempotencyErrorCodes.IDEMPOTENCY_KEY_MISSING]: 400,
  [IdempotencyErrorCodes.IDEMPOTENCY_KEY_LEN_EXEEDED]: 400
}

/** Adds hooks that do the same for these routes as the hooks of `@node-idempotency/fastify`. */
function addHooks (app) {
  const keys = new Idempotency(new MapStorage(), { enforceIdempotency: true })
  const describe = ({ headers, body, url, method }) => ({ headers, body, path: url, method })
  const isKeyed = ({ routeOptions }) => routeOptions.config.idempotency !== undefined

  app.addHook('preHandler', async (request, reply) => {
    if (!isKeyed(request)) return
    try {
      const recorded = await keys.onRequest(describe(request))
      if (recorded === undefined) return
      const { body, error, additional } = recorded
      return reply.code(additional.statusCode).headers({ 'Content-Type': additional['Content-Type'], 'Idempotent-Replayed': 'true' }).send(body ?? error)
    } catch (error) {
      if (!(error instanceof IdempotencyError)) throw error
      if (error.code === IdempotencyErrorCodes.REQUEST_IN_PROGRESS) reply.header('Retry-After', '1')
      return reply.code(STATUS_CODES[error.code]).send(error)
    }
  })
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isKeyed(request)) return
    const { statusCode } = reply
    const additional = { statusCode, 'Content-Type': reply.getHeader('content-type') }
    // If a required key is missing, the library throws. Its own Fastify plugin does not catch this error either.
    await keys.onResponse(describe(request), { additional, ...(statusCode < 400 ? { body: payload } : { error: payload }) })
  })
}

/** An in-memory storage for the library. Its operations are as atomic as those of Redis. */
class MapStorage {
  #values = new Map()

  async setIfNotExists (key, value) {
    if (this.#values.has(key)) return false
    this.#values.set(key, value)
    return true
  }

  async set (key, value) {
    this.#values.set(key, value)
  }

  async get (key) {
    return this.#values.get(key)
  }
}
