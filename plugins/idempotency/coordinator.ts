import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { InFlight } from '../../lib/idempotency/in-flight.js'
import { getKeyTime } from '../../lib/idempotency/key.js'
import { Limiter } from '../../lib/idempotency/limiter.js'
import { createOperation, type Operation } from '../../lib/idempotency/operation.js'
import type { IdempotencySettings } from '../../lib/idempotency/options.js'
import type { Outcome } from '../../lib/idempotency/refusals.js'
import type { Records } from '../../lib/idempotency/store.js'
import type { Execution } from './execution.js'
import { withRecords } from './transaction.js'

/** The settings, with a scope. */
export interface ScopedSettings<T> extends IdempotencySettings<T, FastifyRequest> {
  readonly scope: (request: FastifyRequest) => string
}

/** How long to wait before a key is tried again that another process executes, in milliseconds. */
const MIN_POLL_DELAY_MS = 20
const MAX_POLL_DELAY_MS = 200

/** Coordinates the requests of this process by their keys: one at a time for each key, and a limited number of transactions. */
export class Coordinator<T> {
  readonly #settings: ScopedSettings<T>
  readonly #inFlight = new InFlight<Outcome, Execution<T>>()
  readonly #limiter: Limiter

  constructor (settings: ScopedSettings<T>) {
    this.#settings = settings
    this.#limiter = new Limiter(settings.maxInFlight)
  }

  /**
   * Returns the operation that a key of this caller names.
   *
   * @throws {Error} if the scope is not valid
   */
  createOperation (request: FastifyRequest, key: string): Operation {
    const scope: unknown = this.#settings.scope(request)
    if (typeof scope !== 'string' || scope === '') throw new Error('fastify-reason-phrase: option scope of idempotency must return the caller of a request as a text')
    return createOperation(scope, key)
  }

  /** Returns whether a key is older than the retention, so that its record may be gone. */
  isExpired ({ key }: Operation): boolean {
    const time = getKeyTime(key)
    return time !== undefined && time < Date.now() - this.#settings.retention * 1000
  }

  /** Returns until when a request that arrives now waits, as a time of `performance.now()`. */
  createDeadline (): number {
    return performance.now() + this.#settings.wait
  }

  /** Returns the execution of an operation whose handler this process has called; undefined if there is none. */
  findExecution (id: Buffer): Execution<T> | undefined {
    const execution = this.#inFlight.find(id)
    return execution?.startedAt === undefined ? undefined : execution
  }

  /**
   * Calls `work` as soon as this process does nothing else with the operation. If a request of this process settles the key
   * before, its outcome is returned instead.
   *
   * @param work settles the key. Undefined means that nothing was committed
   * @param execution what `work` executes
   */
  async run (id: Buffer, deadline: number, work: () => Promise<Outcome | undefined>, execution?: Execution<T>): Promise<Outcome> {
    let own: Outcome | undefined
    const result = await this.#inFlight.run(id, deadline, async () => {
      own = await work()
      // A repetition that waits tries again.
      return own === 'executing' ? undefined : own
    }, execution)
    return own ?? result?.outcome ?? 'executing'
  }

  /** Looks into the store. Returns what `work` resolves to, or why it failed. */
  async look<Result> (deadline: number, log: FastifyBaseLogger, work: (records: Records) => Promise<Result>): Promise<Result | 'tooManyInFlight' | 'storeUnavailable'> {
    try {
      return await this.limit(deadline, async () => await withRecords(this.#settings.store, work))
    } catch (error) {
      return reportUnavailable(log, error)
    }
  }

  /** Calls `work`, which needs a connection, as soon as fewer calls run than `maxInFlight`. */
  async limit<Result> (deadline: number, work: () => Promise<Result>): Promise<Result | 'tooManyInFlight'> {
    const call = await this.#limiter.run(deadline, async () => ({ result: await work() }))
    return call === undefined ? 'tooManyInFlight' : call.result
  }
}

/** Calls `attempt` until the key is not executed elsewhere, or until the deadline. */
export async function poll<R> (deadline: number, attempt: () => Promise<R | 'executing'>): Promise<R | 'executing'> {
  let delay = MIN_POLL_DELAY_MS
  let result = await attempt()
  while (result === 'executing') {
    const pause = delay * (0.5 + Math.random() / 2)
    if (performance.now() + pause > deadline) break
    await sleep(pause)
    delay = Math.min(2 * delay, MAX_POLL_DELAY_MS)
    result = await attempt()
  }
  return result
}

/** Logs an error of the store, and returns the refusal for it. */
export function reportUnavailable (log: FastifyBaseLogger, err: unknown): 'storeUnavailable' {
  log.error({ err }, 'fastify-reason-phrase: the store of idempotency is unavailable')
  return 'storeUnavailable'
}
