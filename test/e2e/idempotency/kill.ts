import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bundleServer, ServiceProcess, storesUnderTest, toBytes, type Death, type KeyedRequest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase, readEffects, type Command, type ServiceDatabase, type ServiceSettings } from '../../fixtures/idempotent-service.js'
import { connect, valuesOf, type WireResponse } from '../../fixtures/wire.js'

// The tests start many processes.
t.setTimeout(120_000)

const script = await bundleServer(t)

/** A moment at which a process is killed. */
interface Moment {
  readonly title: string
  /** What the request asks for. */
  readonly command?: Omit<Command, 'name'>
  /** Kills the process while it answers the request. Returns what has arrived of the answer. */
  readonly kill: (service: ServiceProcess, request: KeyedRequest) => Promise<string>
  /** Whether the operation was committed, and whether nobody can know. */
  readonly isCommitted: boolean | 'unknown'
}

/** Lets the process kill itself at a statement. */
function at (when: Death['when'], statement: string): Moment['kill'] {
  return async (service, request) => {
    const connection = connect(service.port)
    connection.write(toBytes({ ...request, death: { when, statement } }))
    return await connection.closed()
  }
}

/** Kills the process when a part of the answer has arrived, and the rest has not. */
async function duringTheAnswer (service: ServiceProcess, request: KeyedRequest): Promise<string> {
  const connection = connect(service.port)
  connection.write(toBytes(request))
  await once(connection.socket, 'data')
  connection.socket.pause()
  await service.kill()
  connection.socket.resume()
  return await connection.closed()
}

// More than the buffers of a connection can hold, and less than a query of MariaDB can.
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

/** Repeats a request until its answer is not 503, as a client does. */
async function repeat (service: ServiceProcess, request: KeyedRequest): Promise<WireResponse> {
  for (let repetition = 1; ; repetition++) {
    const response = await service.send(request)
    if (response.statusCode !== 503 || repetition === MAX_REPETITIONS) return response
    await sleep(20)
  }
}

/** Kills a process, and repeats the request on another one, which can be started then. */
async function testMoment (t: Test, { title, command, kill, isCommitted }: Moment, settings: ServiceSettings, victim: ServiceProcess, getOther: () => Promise<ServiceProcess>): Promise<void> {
  const request: KeyedRequest = { key: title, body: { name: title, ...command } }
  const [head, body = ''] = (await kill(victim, request)).split('\r\n\r\n')
  t.equal(await victim.ended(), 'SIGKILL', 'is killed')
  t.equal(head === '', command?.size === undefined, 'sends an answer only after the commit')

  const other = await getOther()
  const response = await repeat(other, request)
  const isReplayed = valuesOf(response, 'idempotent-replayed').includes('true')
  if (isCommitted !== 'unknown') t.equal(isReplayed, isCommitted, isCommitted ? 'replays the answer' : 'executes the repetition')
  const effects = await inDatabase(settings, database => readEffects(database, title))
  if (command?.status === 422) {
    t.match(response, { statusCode: 422, phrase: `The effect ${title} is refused`, body: '' }, 'sends the rejection')
    t.strictSame([valuesOf(response, 'idempotency-status'), effects], [['rejected'], []], 'rejects it without an effect')
  } else {
    t.strictSame([response.statusCode, valuesOf(response, 'idempotency-status')], [201, ['succeeded']], 'executes it')
    t.ok(response.body.startsWith(body) && body.length < response.body.length, 'sends the same bytes as before')
    t.strictSame(effects, [{ name: title, execution: JSON.parse(response.body).execution }], 'has the effect of its answer, and no other')
    t.equal(effects[0]!.execution.split(' ')[0], String((isReplayed ? victim : other).pid), 'executes it in the process that it says')
  }

  const repetition = await other.send(request)
  t.strictSame([repetition.statusCode, repetition.phrase, repetition.body === response.body, valuesOf(repetition, 'idempotent-replayed')], [response.statusCode, response.phrase, true, ['true']], 'replays the final answer')
}

/** Opens the database for a moment, because an SQLite file is restored when nobody has it open. */
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

  t.test(`executes once if a process is killed and another one gets the repetition, with ${name}`, { skip }, async t => {
    const settings = await prepare(t)
    const [other, ...victims] = await Promise.all([undefined, ...moments].map(async () => await ServiceProcess.start(t, script, settings)))
    for (const [index, moment] of moments.entries()) {
      await t.test(moment.title, async t => { await testMoment(t, moment, settings, victims[index]!, async () => other!) })
    }
  })

  // For a server, a process that was started again is like another one.
  if (!isFile) continue
  t.test(`executes once if the only process is killed and started again, with ${name}`, { skip }, async t => {
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
