import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes, type Death, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects, type Command, type ServiceDatabase, type ServiceSettings } from '../../fixtures/idempotent-service.js'
import { connect, valuesOf, type WireResponse } from '../../fixtures/wire.js'

// The tests start many processes, which takes time.
t.setTimeout(120_000)

const script = await bundleServer(t)

/** A point in the execution of a request at which the process is killed. */
interface Moment {
  readonly title: string
  /** The instructions for the handler. */
  readonly command?: Omit<Command, 'name'>
  /** Sends the request, and kills the process. Returns the received part of the response. */
  readonly kill: (service: ServiceProcess, request: KeyedRequest) => Promise<string>
  /** Whether the operation was committed. `unknown` if both are possible. */
  readonly isCommitted: boolean | 'unknown'
}

/** Makes the process kill itself at a statement. */
function at (when: Death['when'], statement: string): Moment['kill'] {
  return async (service, request) => {
    const connection = connect(service.port)
    connection.write(toBytes({ ...request, death: { when, statement } }))
    return await connection.closed()
  }
}

/** Kills the process when the client has received only a part of the response. */
async function duringTheAnswer (service: ServiceProcess, request: KeyedRequest): Promise<string> {
  const connection = connect(service.port)
  connection.write(toBytes(request))
  await once(connection.socket, 'data')
  connection.socket.pause()
  await service.kill()
  connection.socket.resume()
  return await connection.closed()
}

// More than the buffers of a connection can hold, and less than the maximum size of a query of MariaDB.
const LARGE_SIZE = 6 * 2 ** 20

const CLAIM = 'insert into idempotency'
const EFFECT = 'insert into effect'
const ROLLBACK = '^rollback$'
const COMMIT = '\\bcommit$'

const moments: Moment[] = [
  { title: 'before the insert', kill: at('before', CLAIM), isCommitted: false },
  { title: 'when the insert is sent', kill: at('during', CLAIM), isCommitted: false },
  { title: 'after the insert', kill: at('after', CLAIM), isCommitted: false },
  { title: 'after the effect', kill: at('after', EFFECT), isCommitted: false },
  { title: 'before the commit', kill: at('before', COMMIT), isCommitted: false },
  { title: 'when the commit is sent', kill: at('during', COMMIT), isCommitted: 'unknown' },
  { title: 'after the commit and before the answer', kill: at('after', COMMIT), isCommitted: true },
  { title: 'during the answer', command: { size: LARGE_SIZE }, kill: duringTheAnswer, isCommitted: true },
  { title: 'between the rollback of a rejection and its record', command: { status: 422 }, kill: at('after', ROLLBACK), isCommitted: false },
  { title: 'before the commit of a rejection', command: { status: 422 }, kill: at('before', COMMIT), isCommitted: false },
  { title: 'after the commit of a rejection', command: { status: 422 }, kill: at('after', COMMIT), isCommitted: true }
]

const MAX_REPETITIONS = 100

/** Retries a request as long as the response is 503, as a client does. */
async function repeat (service: ServiceProcess, request: KeyedRequest): Promise<WireResponse> {
  for (let repetition = 1; ; repetition++) {
    const response = await service.send(request)
    if (response.statusCode !== 503 || repetition === MAX_REPETITIONS) return response
    await sleep(20)
  }
}

/** Kills a process, and retries the request on another process, which may be started only then. */
async function testMoment (t: Test, { title, command, kill, isCommitted }: Moment, settings: ServiceSettings, victim: ServiceProcess, getOther: () => Promise<ServiceProcess>): Promise<void> {
  const request: KeyedRequest = { key: title, body: { name: title, ...command } }
  const [head, body = ''] = (await kill(victim, request)).split('\r\n\r\n')
  t.equal(await victim.ended(), 'SIGKILL', 'the process is killed')
  t.equal(head === '', command?.size === undefined, 'sends a response only after the commit')

  const other = await getOther()
  const response = await repeat(other, request)
  const isReplayed = valuesOf(response, 'idempotent-replayed').includes('true')
  if (isCommitted !== 'unknown') t.equal(isReplayed, isCommitted, isCommitted ? 'replays the response' : 'executes the retry')
  const effects = await inDatabase(settings, database => readEffects(database, title))
  if (command?.status === 422) {
    t.match(response, { statusCode: 422, phrase: `The effect ${title} is refused`, body: '' }, 'sends the rejection')
    t.strictSame([valuesOf(response, 'idempotency-status'), effects], [['rejected'], []], 'rejects the request without an effect')
  } else {
    t.strictSame([response.statusCode, valuesOf(response, 'idempotency-status')], [201, ['succeeded']], 'executes the request')
    t.ok(response.body.startsWith(body) && body.length < response.body.length, 'sends the same bytes as before')
    t.strictSame(effects, [{ name: title, execution: JSON.parse(response.body).execution }], 'has the effect that the response names, and no other')
    t.equal(effects[0]!.execution.split(' ')[0], String((isReplayed ? victim : other).pid), 'the response names the process that has executed the request')
  }

  const repetition = await other.send(request)
  t.strictSame([repetition.statusCode, repetition.phrase, repetition.body === response.body, valuesOf(repetition, 'idempotent-replayed')], [response.statusCode, response.phrase, true, ['true']], 'replays the final response')
}

/** Opens the database only while the work runs, because SQLite recovers a file when its first connection is opened. */
async function inDatabase<Result> (settings: ServiceSettings, work: (database: ServiceDatabase) => Promise<Result>): Promise<Result> {
  const database = await openDatabase(settings)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

for (const { name, skip, isFile, open } of storesUnderTest) {
  async function prepare (t: Test): Promise<ServiceSettings> {
    const settings: ServiceSettings = { store: name, location: await open(t), options: { wait: 200, maxBytes: 2 * LARGE_SIZE } }
    await inDatabase(settings, createTables)
    return settings
  }

  t.test(`executes once if a process is killed and another process gets the retry, with ${name}`, { skip }, async t => {
    const settings = await prepare(t)
    const [other, ...victims] = await Promise.all([undefined, ...moments].map(async () => await ServiceProcess.start(t, script, settings)))
    for (const [index, moment] of moments.entries()) {
      await t.test(moment.title, async t => { await testMoment(t, moment, settings, victims[index]!, async () => other!) })
    }
  })

  // With a database server, a restarted process is like another process.
  if (!isFile) continue
  t.test(`executes once if the only process is killed and restarted, with ${name}`, { skip }, async t => {
    const settings = await prepare(t)
    const start = async (): Promise<ServiceProcess> => await ServiceProcess.start(t, script, settings)
    let service = await start()
    for (const moment of moments) {
      await t.test(moment.title, async t => {
        await testMoment(t, moment, settings, service, async () => (service = await start()))
      })
    }
  })
}
