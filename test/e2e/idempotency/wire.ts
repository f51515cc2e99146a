import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { createOperation } from '../../../lib/idempotency/operation.js'
import { Gate } from '../../fixtures/database.js'
import { storesUnderTest, toBytes, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { addEffect, createIdempotentService, createTables, openDatabase, readEffects, type IdempotentService, type ServiceDatabase, type StoreName } from '../../fixtures/idempotent-service.js'
import { exchange, listen, type WireResponse } from '../../fixtures/wire.js'

/** A response, without `Date` and the fields of the connection. */
interface Response {
  readonly status: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
}

/** The service, and the ways in which a case can control it. */
interface Context {
  readonly t: Test
  readonly database: ServiceDatabase
  /** Sends a request to the service. */
  send (request: KeyedRequest): Promise<Response>
  /** Sends a request to another instance of the service, which shares only the database. */
  sendElsewhere (request: KeyedRequest): Promise<Response>
  readonly handlers: Handlers
  /** Makes the store unreachable, and returns a function that makes it reachable again. */
  cut (): Promise<() => Promise<void>>
}

/** A request, its response, and whether it is sent to the other instance. */
type Step = readonly [request: KeyedRequest, response: Response, where?: 'elsewhere']

interface Case {
  readonly title: string
  /** Prepares the case, and returns a function that cleans up. */
  readonly given?: (context: Context) => Promise<() => Promise<unknown>>
  readonly steps: readonly Step[]
  /** The number of effects after the case. */
  readonly effects: number
}

const MESSAGE = 'The order exists'
const JSON_TYPE = 'application/json; charset=utf-8'

/** Returns a request whose handler sends 201 with non-ASCII text. */
const order = (key: string | undefined, more: object = {}): KeyedRequest => ({ path: '/order', key, body: { name: key, ...more } })

/** Returns the response to {@link order}. */
function created (name: string, more: Record<string, string> = { 'idempotency-status': 'succeeded' }): Response {
  const body = Buffer.from(JSON.stringify({ name, note: 'Grüße 😀' })).toString('latin1')
  return { status: '201 Created', fields: { location: `/order/${name}`, 'content-type': JSON_TYPE, 'content-length': String(body.length), ...more }, body }
}

/** Returns an unsuccessful response. */
function refused (statusCode: number, reason: string, more: Record<string, string> = {}): Response {
  return { status: `${statusCode} ${reason}`, fields: { 'EB-REASON-PHRASE': reason, 'content-length': '0', ...more }, body: '' }
}

/** Returns the replayed form of a response. */
const replayed = ({ fields, ...response }: Response): Response => ({ ...response, fields: { ...fields, 'idempotent-replayed': 'true' } })

/** The responses that the plugin sends itself. */
const EXECUTING = refused(503, 'Another request with this idempotency key is being executed. Retry to learn its outcome', { 'retry-after': '1', 'idempotency-status': 'executing' })
const UNAVAILABLE = refused(503, 'The idempotency store is unavailable. This request was not executed', { 'retry-after': '1' })
const MISMATCH = refused(422, 'The idempotency key was used for another request. This request did nothing', { 'idempotency-status': 'mismatch' })
const CLOSED = refused(422, 'The idempotency key was closed. The operation did not happen and never will', { 'idempotency-status': 'closed' })
const EXPIRED = refused(422, 'The idempotency key has expired. The outcome of its operation is no longer known', { 'idempotency-status': 'expired' })

/** Returns a UUID of version 7 with this age, in milliseconds. */
function createKey (age: number): string {
  const time = (Date.now() - age).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

const HOUR_MS = 3600 * 1000
const WEEK_MS = 7 * 24 * HOUR_MS
const OLD_KEY = createKey(WEEK_MS + HOUR_MS)
const YOUNG_KEY = createKey(WEEK_MS - HOUR_MS)
const LONG_KEY = 'k'.repeat(255)

/** Returns the cases: one or several for each row of the contract. */
function createCases (executingElsewhere: Response): Case[] {
  const rejected = refused(422, MESSAGE, { 'idempotency-status': 'rejected' })
  const bytes = { status: '200 OK', fields: { 'content-type': 'application/octet-stream', 'content-length': '7', 'idempotency-status': 'succeeded' }, body: '\0\xff\r\n\r\n\x80' }
  const empty = { status: '204 No Content', fields: { location: '/order/empty', 'idempotency-status': 'succeeded' }, body: '' }

  return [
    {
      title: 'a new key runs the handler',
      steps: [[order('new'), created('new')]],
      effects: 1
    },
    {
      title: 'a completed key gets the recorded answer, also from another instance',
      steps: [
        [order('completed'), created('completed')],
        [order('completed'), replayed(created('completed'))],
        [{ ...order('completed'), key: '"completed"' }, replayed(created('completed'))],
        [order('completed'), replayed(created('completed')), 'elsewhere']
      ],
      effects: 1
    },
    {
      title: 'a completed key gets the recorded bytes',
      steps: [
        [order('bytes', { answer: 'bytes' }), bytes],
        [order('bytes', { answer: 'bytes' }), replayed(bytes)],
        [order('bytes', { answer: 'bytes' }), replayed(bytes), 'elsewhere']
      ],
      effects: 1
    },
    {
      title: 'a completed key gets the recorded answer without a body',
      steps: [
        [order('empty', { answer: 'empty' }), empty],
        [order('empty', { answer: 'empty' }), replayed(empty)]
      ],
      effects: 1
    },
    {
      title: 'a rejected key gets the same status code and message, and no effect',
      steps: [
        [order('rejected', { answer: 'rejection' }), rejected],
        [order('rejected', { answer: 'rejection' }), replayed(rejected)],
        [order('rejected', { answer: 'rejection' }), replayed(rejected), 'elsewhere']
      ],
      effects: 0
    },
    {
      title: 'a key with a failure is executed anew',
      steps: [
        [order('failure', { answer: 'failure' }), refused(500, 'Internal Server Error')],
        [order('failure', { answer: 'failure' }), refused(500, 'Internal Server Error')],
        [order('failure'), created('failure')]
      ],
      effects: 1
    },
    {
      title: 'a key that another request executes is refused',
      given: async context => await execute(context, 'executing', context.send),
      steps: [[order('executing', { answer: 'late' }), EXECUTING]],
      effects: 1
    },
    {
      title: 'a key that another instance executes is refused',
      given: async context => await execute(context, 'elsewhere', context.sendElsewhere),
      steps: [[order('elsewhere', { answer: 'late' }), executingElsewhere]],
      effects: 1
    },
    {
      title: 'a key of another request is refused, whichever part of the request differs',
      steps: [
        [order('mismatch'), created('mismatch')],
        [order('mismatch', { more: 1 }), MISMATCH],
        [{ ...order('mismatch'), path: '/order?a' }, MISMATCH],
        [{ ...order('mismatch'), path: '/required' }, MISMATCH],
        [{ ...order('mismatch'), method: 'PUT' }, MISMATCH],
        [order('mismatch', { more: 1 }), MISMATCH, 'elsewhere'],
        [order('mismatch'), replayed(created('mismatch'))]
      ],
      effects: 1
    },
    {
      title: 'a rejected key of another request is refused',
      steps: [
        [order('other rejection', { answer: 'rejection' }), rejected],
        [order('other rejection'), MISMATCH]
      ],
      effects: 0
    },
    {
      title: 'a closed key is refused',
      given: close('closed'),
      steps: [
        [order('closed'), CLOSED],
        [order('closed', { more: 1 }), CLOSED]
      ],
      effects: 0
    },
    {
      title: 'a key that is older than the retention is refused',
      steps: [
        [order(OLD_KEY), EXPIRED],
        [order(YOUNG_KEY), created(YOUNG_KEY)],
        [order(YOUNG_KEY), replayed(created(YOUNG_KEY))]
      ],
      effects: 1
    },
    {
      title: 'a request is refused while the store cannot be reached',
      async given ({ cut, send, t }) {
        const restore = await cut()
        return async () => {
          await restore()
          t.strictSame(await send(order('unreachable')), created('unreachable'), 'the request is executed afterwards')
        }
      },
      steps: [
        [order('unreachable'), UNAVAILABLE],
        [order('unreachable'), UNAVAILABLE]
      ],
      effects: 1
    },
    {
      title: 'a request without a key is executed each time, unless the route requires a key',
      steps: [
        [{ ...order(undefined), body: { name: 'none' } }, created('none', {})],
        [{ ...order(undefined), body: { name: 'none' } }, created('none', {})],
        [{ path: '/required', body: { name: 'none' } }, refused(400, 'The request must have an Idempotency-Key')]
      ],
      effects: 2
    },
    {
      title: 'a request is refused unless it has one valid key',
      steps: [
        [{ ...order('two'), lines: ['idempotency-key: two'] }, refused(400, 'The request must have one Idempotency-Key, not several')],
        [{ ...order('two'), lines: ['Idempotency-Key: other'] }, refused(400, 'The request must have one Idempotency-Key, not several')],
        [{ ...order('two'), key: '' }, refused(400, 'The Idempotency-Key must not be empty')],
        [{ ...order('two'), key: '""' }, refused(400, 'The Idempotency-Key must not be empty')],
        [{ ...order('two'), key: `${LONG_KEY}k` }, refused(400, 'The Idempotency-Key must have at most 255 characters')],
        [{ ...order('two'), key: 'two, other' }, refused(400, 'The Idempotency-Key must be printable ASCII without quotes and commas, or a quoted string')],
        [{ ...order('two'), path: '/required', key: '' }, refused(400, 'The Idempotency-Key must not be empty')],
        [{ ...order('two'), key: LONG_KEY }, created('two')],
        [{ ...order('two'), key: `"${LONG_KEY}"` }, replayed(created('two'))]
      ],
      effects: 1
    }
  ]
}

/** Keeps a request executing while the steps are run. */
async function execute ({ handlers, t }: Context, name: string, send: Context['send']): Promise<() => Promise<unknown>> {
  const response = send(order(name, { answer: 'late' }))
  await handlers.entered(name)
  return async () => {
    handlers.leave(name)
    t.strictSame(await response, created(name), 'the other request gets its response')
  }
}

/** Closes a key. */
function close (key: string): NonNullable<Case['given']> {
  return async ({ database: { store } }) => {
    const operation = createOperation('caller', key)
    await store.transaction(async ({ transaction }) => await store.insertRecords(transaction, [{ operation, fingerprint: undefined, state: 'closed' }]))
    return async () => {}
  }
}

/** The running handlers. A test waits for a handler to start, and then determines its result. */
class Handlers {
  readonly #running = new Map<string, () => void>()

  async run (name: string): Promise<void> {
    await new Promise<void>(resolve => { this.#running.set(name, resolve) })
  }

  async entered (name: string): Promise<void> {
    while (!this.#running.has(name)) await sleep(5)
  }

  leave (name: string): void {
    this.#running.get(name)!()
  }
}

type Answer = 'bytes' | 'empty' | 'rejection' | 'failure' | 'late' | undefined

function addRoutes ({ app, database }: IdempotentService, handlers: Handlers): void {
  async function handle (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { name, answer } = request.body as { name: string, answer: Answer }
    await addEffect(database, { name, execution: '' }, request.transaction)
    if (answer === 'late') await handlers.run(name)
    if (answer === 'bytes') return Buffer.from(bytes)
    if (answer === 'empty') return await reply.code(204).header('location', '/order/empty').send()
    if (answer === 'rejection') return await reply.unprocessable(MESSAGE)
    if (answer === 'failure') throw new Error('It broke')
    return await reply.created({ name, note: 'Grüße 😀' }, `/order/${name}`)
  }
  const bytes = [0, 0xFF, 0x0D, 0x0A, 0x0D, 0x0A, 0x80]
  const config = { idempotency: 'optional' } as const
  app.route({ method: ['POST', 'PUT'], url: '/order', config, handler: handle })
}

const CONNECTION_FIELDS = ['date', 'connection', 'keep-alive']

function toResponse ({ statusCode, phrase, lines, body }: WireResponse): Response {
  const fields: Record<string, string> = {}
  for (const [name, value] of lines) {
    if (!CONNECTION_FIELDS.includes(name.toLowerCase())) fields[name] = name in fields ? `${fields[name]}, ${value}` : value
  }
  return { status: `${statusCode} ${phrase}`, fields, body }
}

/** The differences between the stores. */
interface Differences {
  /** The response while another instance executes. With SQLite, an instance cannot see what another process is executing. */
  readonly executingElsewhere: Response
  /** Returns the location of the database for the service, and a function that makes the database unreachable. */
  route (t: Test, location: string): Promise<{ location: string, cut: Context['cut'] }>
}

const differences: Record<'server' | 'file', Differences> = {
  server: {
    executingElsewhere: EXECUTING,
    async route (t, databaseUrl) {
      const { gate, databaseUrl: location } = await Gate.to(t, { databaseUrl })
      async function cut (): Promise<() => Promise<void>> {
        await gate.close()
        return async () => { await gate.open() }
      }
      return { location, cut }
    }
  },
  file: {
    executingElsewhere: UNAVAILABLE,
    async route (_t, location) {
      async function cut (): Promise<() => Promise<void>> {
        const database = new Libsql(location)
        database.exec('begin immediate')
        return async () => {
          database.exec('rollback')
          database.close()
        }
      }
      return { location, cut }
    }
  }
}

async function testCases (t: Test, store: StoreName, directLocation: string, { executingElsewhere, route }: Differences): Promise<void> {
  const database = await openDatabase({ store, location: directLocation })
  t.teardown(() => database.close())
  await createTables(database)
  const { location, cut } = await route(t, directLocation)
  const handlers = new Handlers()

  async function start (location: string): Promise<(request: KeyedRequest) => Promise<Response>> {
    const service = await createIdempotentService({ store, location, options: { wait: 100 } })
    addRoutes(service, handlers)
    const port = await listen(t, service.app)
    return async request => toResponse(await exchange(port, toBytes(request)))
  }
  const [send, sendElsewhere] = [await start(location), await start(directLocation)]

  for (const { title, given, steps, effects } of createCases(executingElsewhere)) {
    await t.test(title, async t => {
      const before = (await readEffects(database)).length
      const end = await given?.({ t, database, send, sendElsewhere, handlers, cut })
      for (const [request, response, where] of steps) {
        t.strictSame(await (where === 'elsewhere' ? sendElsewhere : send)(request), response, response.status)
      }
      await end?.()
      t.equal((await readEffects(database)).length - before, effects, `has ${effects} effects`)
    })
  }
}

for (const { name, skip, isFile, open } of storesUnderTest) {
  t.test(`responds according to the state of the key, with ${name}`, { skip }, async t => {
    await testCases(t, name, await open(t), differences[isFile ? 'file' : 'server'])
  })
}
