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

/** The settings, with a function that returns the caller of a request. */
export interface ScopedSettings<T> extends IdempotencySettings<T, FastifyRequest> {
  readonly scope: (request: FastifyRequest) => string
}

/** The pause between two attempts while another process executes the key, in milliseconds. It grows from MIN to MAX. */
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
   * Returns the operation that a key of the caller names.
   *
   * @throws {Error} if the option `scope` does not return a caller
   */
  createOperation (request: FastifyRequest, key: string): Operation {
    const scope: unknown = this.#settings.scope(request)
    if (typeof scope !== 'string' || scope === '') {
      const found = scope === '' ? 'an empty string' : typeof scope
      throw new Error(`fastify-reason-phrase: option scope of idempotency must return a non-empty string that identifies the caller of a request, but it returned ${found}`)
    }
    return createOperation(scope, key)
  }

  /** Returns whether a key is older than the option `retention`. The record of such a key may have been removed. */
  isExpired ({ key }: Operation): boolean {
    const time = getKeyTime(key)
    return time !== undefined && time < Date.now() - this.#settings.retention * 1000
  }

  /** Returns the time until which a request that arrives now can wait, on the clock of `performance.now()`. */
  createDeadline (): number {
    return performance.now() + this.#settings.wait
  }

  /** Returns the execution of an operation if this process has called its handler; otherwise undefined. */
  findExecution (id: Buffer): Execution<T> | undefined {
    const execution = this.#inFlight.find(id)
    return execution?.startedAt === undefined ? undefined : execution
  }

  /**
   * Calls `work` as soon as no other request of this process works on the operation. If another request settles the key first,
   * returns its outcome instead.
   *
   * @param work settles the key, and resolves to its outcome; to undefined if nothing was committed
   * @param execution the execution that `work` runs
   */
  async run (id: Buffer, deadline: number, work: () => Promise<Outcome | undefined>, execution?: Execution<T>): Promise<Outcome> {
    let own: Outcome | undefined
    const result = await this.#inFlight.run(id, deadline, async () => {
      own = await work()
      // With undefined, the next request that waits for this key tries again.
      return own === 'executing' ? undefined : own
    }, execution)
    return own ?? result?.outcome ?? 'executing'
  }

  /** Calls `work` with the records of the store. Returns its result, or the name of a refusal if the store could not be read. */
  async look<Result> (deadline: number, log: FastifyBaseLogger, work: (records: Records) => Promise<Result>): Promise<Result | 'tooManyInFlight' | 'storeUnavailable'> {
    try {
      return await this.limit(deadline, async () => await withRecords(this.#settings.store, work))
    } catch (error) {
      return reportUnavailable(log, error)
    }
  }

  /** Calls `work`, which needs a database connection, as soon as fewer than `maxInFlight` calls run. */
  async limit<Result> (deadline: number, work: () => Promise<Result>): Promise<Result | 'tooManyInFlight'> {
    const call = await this.#limiter.run(deadline, async () => ({ result: await work() }))
    return call === undefined ? 'tooManyInFlight' : call.result
  }
}

/** Calls `attempt` until no other process executes the key, or until the deadline. */
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

/** Logs an error of the store, and returns the refusal for this error. */
export function reportUnavailable (log: FastifyBaseLogger, err: unknown): 'storeUnavailable' {
  log.error({ err }, 'fastify-reason-phrase: the store of idempotency failed. Clients can retry with the same key')
  return 'storeUnavailable'
}
