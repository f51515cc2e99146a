import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compileService } from '../../test/fixtures/compile-service.js'
import { Consumer, settleUnknown, type Consumption } from './consumer.js'
import { DATABASES, type Database } from './database.js'
import { disrupt, type Disruption } from './disruptions.js'
import { readEffects } from './effects.js'
import type { Operation } from './operation.js'
import { ChaosProxy } from './proxy.js'
import { RunScope } from './scope.js'
import { ServiceProcess } from './service-process.js'
import { createRandom, type Settings } from './settings.js'

/** An operation whose outcome and effects contradict each other. */
export interface Violation {
  readonly operation: Operation
  readonly problem: string
}

/** The result of a run. */
export interface Report {
  readonly operations: readonly Operation[]
  readonly proxy: ChaosProxy
  readonly disruptions: Readonly<Record<Disruption, number>>
  /** How often `settle()` was called during the run, and after it. */
  readonly settles: readonly [during: number, after: number]
  readonly violations: readonly Violation[]
  /** The service processes that ended unexpectedly, as text. */
  readonly problems: readonly string[]
}

const CONSUMERS = 32
/** How often a run with a planted fault looks for a violation, in milliseconds. */
const LOOK_INTERVAL_MS = 500
const DRAIN_TIME_MS = 2_000
const KEY = { id: 'chaos', secret: 'the secret of the chaos run' }
const PERMISSIONS = ['topic:read', 'topic:write', 'message:read', 'message:write']

const root = join(import.meta.dirname, '..', '..')

/**
 * Runs consumers while the network, the service processes and the database connections fail. Then stops all faults, settles
 * the unknown outcomes, delivers the held requests, and compares the outcomes with the effects in the database. A run with a
 * planted fault ends as soon as it has found the fault.
 *
 * @param log called with a line of progress from time to time
 */
export async function runChaos ({ seconds, kills, seed, database: name, fault }: Settings, log: (line: string) => void): Promise<Report> {
  const scope = new RunScope()
  try {
    const database = await DATABASES[name](scope)
    const folder = await compile(scope, fault)
    const env = await createEnvironment(folder, fault)
    const disrupted = await Promise.all(database.links.map(async ({ env: location, gate }) => ({ service: await ServiceProcess.start(scope, folder, { ...env, ...location }), gate })))
    const services = disrupted.map(({ service }) => service)

    const operations = new Map<string, Operation>()
    const proxy = await ChaosProxy.open(scope, services.map(({ port }) => port), key => operations.get(key)!)
    const consumption: Consumption = { proxy, key: KEY, seed, operations, settles: 0 }
    const disruptions: Record<Disruption, number> = { kill: 0, stop: 0, pause: 0, cut: 0 }
    const until = performance.now() + seconds * 1000
    const limit = until + 9 * seconds * 1000
    let isFound = false
    const isOver = (): boolean => isFound || performance.now() > (disruptions.kill < kills ? limit : until)
    async function lookForViolations (): Promise<void> {
      while (!isOver()) {
        await sleep(LOOK_INTERVAL_MS)
        const finished = [...operations.values()].filter(({ result }) => result !== undefined)
        isFound = (await findViolations(finished, database)).length > 0
      }
    }

    const interval = Math.min(30, seconds / 2)
    let time = 0
    const progress = setInterval(() => { log(`${time += interval} s: ${operations.size} operations, ${disruptions.kill} kills`) }, interval * 1000)
    scope.teardown(() => { clearInterval(progress) })

    await Promise.all([
      fault !== undefined && lookForViolations(),
      ...disrupted.map(async (process, number) => { await disrupt(process, createRandom(seed, `process ${number}`), isOver, disruptions) }),
      ...Array.from({ length: CONSUMERS }, async (_, number) => { await new Consumer(consumption, number).run(isOver) })
    ])

    proxy.heal()
    const settledLate = await settleUnknown(consumption)
    for (const operation of operations.values()) proxy.release(operation)
    await proxy.delivered()
    return {
      operations: [...operations.values()],
      proxy,
      disruptions,
      settles: [consumption.settles, settledLate],
      violations: await findViolations([...operations.values()], database),
      problems: services.flatMap(({ problem }) => problem ?? [])
    }
  } finally {
    await scope.end()
  }
}

/** Compares the outcomes of operations with their effects in the database. */
async function findViolations (operations: readonly Operation[], database: Database): Promise<Violation[]> {
  const effects = await readEffects(database)
  return operations.flatMap(operation => {
    const problem = operation.findViolation(effects.get(operation.subject) ?? [])
    return problem === undefined ? [] : { operation, problem }
  })
}

/** Compiles the service, with the given fault. Returns the folder. */
async function compile (scope: RunScope, fault: string | undefined): Promise<string> {
  const parent = join(root, '.tap')
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'chaos-'))
  scope.teardown(() => rm(folder, { recursive: true }))
  await compileService(folder, 'fuzz/chaos/*.ts')
  if (fault !== undefined) await writeFile(join(folder, 'plugins', 'app', 'idempotency.js'), "export { default } from '../../fuzz/chaos/faulty-idempotency.js'\n")
  return folder
}

/** Returns the environment variables for the service processes, without the settings of the current process. */
async function createEnvironment (folder: string, fault: string | undefined): Promise<NodeJS.ProcessEnv> {
  const { NODE_OPTIONS, NODE_V8_COVERAGE, HOST, MESSAGE_BACKLOG, NODE_ENV, DATABASE_FILE, DATABASE_URL, ...env } = process.env
  const keysFile = join(folder, 'keys.json')
  await writeFile(keysFile, JSON.stringify([{ ...KEY, permissions: PERMISSIONS }]))
  return { ...env, KEYS_FILE: keysFile, LOG_LEVEL: 'fatal', DRAIN_TIME: String(DRAIN_TIME_MS), CHAOS_FAULT: fault }
}
