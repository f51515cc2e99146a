import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { FaultyProxy, type Fault } from '../../fixtures/faulty-proxy.js'
import { storesUnderTest } from '../../fixtures/idempotent-process.js'
import { addEffect, createIdempotentService, createTables, openDatabase, readEffects, type ServiceDatabase, type ServiceSettings } from '../../fixtures/idempotent-service.js'
import { askerOf, listenForKeys, summarize, type KeyedResponse } from '../../fixtures/keyed-service.js'

const storeUnavailable = { statusCode: 503, reason: 'The idempotency store is unavailable. This request was not executed', body: '', status: undefined, replayed: undefined, retryAfter: '1' }
const commitUnknown = { ...storeUnavailable, reason: 'The result of the commit is unknown. Repeat the request with the same key to learn it' }
// The handler throws the error of the database driver, so the response is a 500.
const handlerFailed = { ...storeUnavailable, statusCode: 500, reason: 'Internal Server Error', retryAfter: undefined }

/** A kind of request. */
interface Kind {
  readonly title: string
  readonly path: string
  /** The instructions for the handler, in the request body. */
  readonly command: object
  readonly final: { readonly statusCode: number, readonly status: string }
  readonly effects: number
  /** The response if the statement of the handler fails. */
  readonly failure: object
}

const success: Kind = { title: 'a request that succeeds', path: '/effect', command: {}, final: { statusCode: 201, status: 'succeeded' }, effects: 1, failure: handlerFailed }
const rejection: Kind = { ...success, title: 'a request that is rejected', command: { status: 422 }, final: { statusCode: 422, status: 'rejected' }, effects: 0 }
const ignorance: Kind = { ...success, title: 'a handler that ignores the error of its statement', path: '/ignorant', failure: commitUnknown }

/** The handler of `/waiting` waits for this function. */
let onWait = async (): Promise<void> => {}

/** A running instance of the service. */
interface Process {
  send (key: string, kind?: Kind): Promise<KeyedResponse>
  /** Closes a key. */
  close (key: string): Promise<KeyedResponse>
}

/** Starts an instance of the service. */
async function start (t: Test, settings: ServiceSettings): Promise<Process> {
  const { app, database } = await createIdempotentService({ ...settings, options: { outcomes: '/operation' } })
  app.post('/ignorant', { config: { idempotency: 'required' } }, async (request, reply) => {
    const { name } = request.body as { name: string }
    await addEffect(database, { name, execution: 'ignorant' }, request.transaction).catch(() => {})
    return await reply.code(201).send({ name })
  })
  app.post('/waiting', { config: { idempotency: 'required' } }, async (request, reply) => {
    const { name, status } = request.body as { name: string, status?: number }
    await addEffect(database, { name, execution: 'waiting' }, request.transaction)
    await onWait()
    return await reply.code(status ?? 201).send({ message: name })
  })
  const send = await listenForKeys(t, app)
  const ask = askerOf(app, '/operation')
  return {
    send: async (key, { path, command } = success) => summarize(await send(key, { path, body: JSON.stringify({ name: key, ...command }) })),
    close: async key => summarize(await ask('PUT', key))
  }
}

async function assertSettled (t: Test, database: ServiceDatabase, key: string, { final, effects }: Kind): Promise<void> {
  const rows = await database.query(`select state from idempotency where idempotency_key = '${key}'`)
  t.strictSame({ states: rows.map(({ state }) => state), effects: (await readEffects(database, key)).length }, { states: [final.status], effects })
}

/** The parameters of a test of a fault. */
interface FaultContext {
  readonly proxy: FaultyProxy
  readonly fault: Fault
  /** Sends a request through the proxy. */
  send (key: string): Promise<KeyedResponse>
  /** Called before the request is sent. */
  prepare? (key: string): Promise<unknown>
  /** Verifies the response to a request with a fault at the statement. */
  verify (key: string, statement: string, response: KeyedResponse): Promise<void>
}

/**
 * Injects a fault at the first statement of a request, then at the second statement of another request, and so on. Stops when
 * a request has no further statement.
 *
 * @returns the number of statements with a fault, and the response to the last request, which had no fault
 */
async function failAtEachStatement ({ proxy, fault, send, prepare, verify }: FaultContext): Promise<{ count: number, response: KeyedResponse }> {
  for (let count = 0; ; count++) {
    const key = randomUUID()
    await prepare?.(key)
    proxy.failAt(count + 1, fault)
    const response = await send(key)
    const statement = proxy.stop()
    if (statement === undefined) return { count, response }
    await verify(key, statement, response)
  }
}

const isCommit = (statement: string): boolean => /commit\W*$/.test(statement)
const isOfHandler = (statement: string): boolean => /insert into effect/i.test(statement)

// Without a timeout, a driver waits forever for the result of a lost statement. mysql2 has no such timeout for a pool.
const TIMEOUT_MS = 300
const FAULTS: ReadonlyArray<{ fault: Fault, needsTimeout: boolean, kinds: readonly Kind[] }> = [
  { fault: 'cut before', needsTimeout: false, kinds: [success, rejection, ignorance] },
  { fault: 'cut during', needsTimeout: false, kinds: [success, rejection, ignorance] },
  { fault: 'cut after', needsTimeout: false, kinds: [success, rejection, ignorance] },
  { fault: 'late', needsTimeout: true, kinds: [success, rejection] },
  { fault: 'lost', needsTimeout: true, kinds: [success] }
]

// The tests of timeouts spend most of their time waiting, so run several at the same time.
t.jobs = 3

for (const { name: store, isFile, skip, open } of storesUnderTest) {
  if (isFile) continue
  t.test(`a failing connection of ${store}`, { skip, buffered: true }, async t => {
    const location = await open(t)
    const hasTimeout = location.startsWith('postgres:')
    const proxy = await FaultyProxy.to(t, location)
    const database = await openDatabase({ store, location })
    t.teardown(() => database.close())
    await createTables(database)
    const other = await start(t, { store, location })
    const withoutTimeout = await start(t, { store, location: proxy.url })
    const withTimeout = await start(t, { store, location: `${proxy.url}?query_timeout=${TIMEOUT_MS}` })

    for (const { fault, needsTimeout, kinds } of FAULTS) {
      if (needsTimeout && !hasTimeout) continue
      const tested = needsTimeout ? withTimeout : withoutTimeout
      for (const kind of kinds) {
        t.test(`leaves one final outcome after the fault "${fault}" at each statement of ${kind.title}`, async t => {
          let isAfterHandler = false
          const { count, response } = await failAtEachStatement({
            proxy,
            fault,
            send: async key => await tested.send(key, kind),
            async verify (key, statement, response) {
              const shown = JSON.stringify(statement.slice(0, 60))
              t.strictSame(response, isOfHandler(statement) ? kind.failure : isAfterHandler ? commitUnknown : storeUnavailable, `the response after ${shown}`)
              isAfterHandler ||= isOfHandler(statement)
              const repeated = await other.send(key, kind)
              t.match(repeated, kind.final, 'the response to a retry')
              // With this fault, the server may or may not have executed the COMMIT.
              if (!isCommit(statement) || fault !== 'cut during') t.equal(repeated.replayed, isCommit(statement) && (fault === 'cut after' || fault === 'late') ? 'true' : undefined, 'the retry is replayed if the first request was committed, and executed otherwise')
              t.strictSame(await tested.send(key, kind), { ...repeated, replayed: 'true' }, 'the instance with the fault sends the same response')
              await assertSettled(t, database, key, kind)
            }
          })
          t.match(response, kind.final)
          t.ok(count >= 3, `${count} statements had a fault`)
        })
      }

      // For retries and closings, a lost statement has the same effect as a late result.
      if (fault === 'lost') continue

      for (const [name, executor] of [['the same process', tested], ['another process', other]] as const) {
        t.test(`replays the response after the fault "${fault}" at each statement of a retry, if ${name} has executed the request`, async t => {
          const { count, response } = await failAtEachStatement({
            proxy,
            fault,
            send: tested.send,
            prepare: executor.send,
            async verify (key, _statement, response) {
              t.strictSame(response, storeUnavailable)
              t.match(await tested.send(key), { ...success.final, replayed: 'true' })
              await assertSettled(t, database, key, success)
            }
          })
          t.match(response, { ...success.final, replayed: 'true' })
          t.ok(count >= 1, `${count} statements had a fault`)
        })
      }

      t.test(`closes the key after the fault "${fault}" at each statement of a closing`, async t => {
        const { count, response } = await failAtEachStatement({
          proxy,
          fault,
          send: tested.close,
          async verify (key, statement, response) {
            t.strictSame(response, isCommit(statement) ? commitUnknown : storeUnavailable)
            const closed = await other.close(key)
            t.match(closed, { statusCode: 200, body: /"state":"closed"/ })
            t.strictSame(await tested.close(key), closed)
            t.match(await tested.send(key), { statusCode: 422, status: 'closed' })
            t.equal((await readEffects(database, key)).length, 0)
          }
        })
        t.match(response, { statusCode: 200, body: /"state":"closed"/ })
        t.ok(count >= 3, `${count} statements had a fault`)
      })
    }

    t.test('sends 503 if the connection breaks while the handler does something else', async t => {
      for (const kind of [success, rejection]) {
        onWait = async () => {
          proxy.cutAll()
          // Wait until the driver has noticed that the connection is broken.
          await sleep(50)
        }
        const key = randomUUID()
        const waiting = { ...kind, path: '/waiting' }
        t.strictSame(await withoutTimeout.send(key, waiting), commitUnknown)
        onWait = async () => {}
        t.match(await withoutTimeout.send(key, waiting), kind.final)
        await assertSettled(t, database, key, kind)
      }
    })
  })
}
