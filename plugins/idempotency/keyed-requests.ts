import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { InFlight } from '../../lib/idempotency/in-flight.js'
import { getKeyTime, parseKey } from '../../lib/idempotency/key.js'
import { Limiter } from '../../lib/idempotency/limiter.js'
import { createFingerprint, createOperation, type Operation } from '../../lib/idempotency/operation.js'
import type { IdempotencySettings } from '../../lib/idempotency/options.js'
import type { NewRecord } from '../../lib/idempotency/record.js'
import type { RefusalName } from '../../lib/idempotency/refusals.js'
import { RecentIds } from '../../lib/idempotency/recent-ids.js'
import { getBodyDigest } from './body-digest.js'
import { Execution } from './execution.js'
import { applyOutcome } from './replay.js'
import { executeOnce, findRecord } from './transaction.js'

/** The settings, with a scope. */
export interface KeyedRequestSettings<T> extends IdempotencySettings<T, FastifyRequest> {
  readonly scope: (request: FastifyRequest) => string
}

/** What is known of a key: its record, or why there is none. Undefined if this request was executed and rolled back. */
type Outcome = NewRecord | RefusalName | undefined

/** How long to wait before a key is claimed again that another process executes, in milliseconds. */
const MIN_POLL_DELAY_MS = 20
const MAX_POLL_DELAY_MS = 200

/** How many ids of operations that are settled a process remembers. */
const MAX_SETTLED_IDS = 10_000

/** The requests with idempotency keys that this process answers. */
export class KeyedRequests<T> {
  readonly #settings: KeyedRequestSettings<T>
  readonly #contract: Contract
  readonly #onExecute: (request: FastifyRequest, execution: Execution<T>) => void
  readonly #inFlight = new InFlight<NewRecord | RefusalName>()
  readonly #limiter: Limiter
  readonly #settled = new RecentIds(MAX_SETTLED_IDS)

  /** @param onExecute is called before the handler of a request */
  constructor (settings: KeyedRequestSettings<T>, contract: Contract, onExecute: (request: FastifyRequest, execution: Execution<T>) => void) {
    this.#settings = settings
    this.#contract = contract
    this.#onExecute = onExecute
    this.#limiter = new Limiter(settings.maxInFlight)
  }

  /**
   * Answers a request with a key: by its handler, from the record of its key, or by a refusal.
   *
   * @param callHandler calls the handler of the route
   * @returns what a handler returns to Fastify
   * @throws {InvalidKey} if the key is not valid
   * @throws {Error} if the scope is not valid, or if the body cannot be hashed
   */
  async answer (request: FastifyRequest, reply: FastifyReply, callHandler: () => unknown): Promise<unknown> {
    const operation = createOperation(this.#scopeOf(request), parseKey(linesOf(request)))
    const fingerprint = createFingerprint(request.method, request.originalUrl, await getBodyDigest(request))
    const deadline = performance.now() + this.#settings.wait
    if (this.#isExpired(operation)) return reply.send(applyOutcome(reply, await this.#find(operation, deadline, request), fingerprint))
    const execution = new Execution<T>({ contract: this.#contract, settings: this.#settings, request, reply, operation, fingerprint, callHandler })
    // The execution goes on after its handler has returned.
    return await Promise.race([execution.result, this.#executeOrReplay(execution, deadline)])
  }

  #scopeOf (request: FastifyRequest): string {
    const scope: unknown = this.#settings.scope(request)
    if (typeof scope !== 'string' || scope === '') throw new Error('fastify-reason-phrase: option scope of idempotency must return the caller of a request as a text')
    return scope
  }

  #isExpired ({ key }: Operation): boolean {
    const time = getKeyTime(key)
    return time !== undefined && time < Date.now() - this.#settings.retention * 1000
  }

  /** Looks for the record of a key that is too old to be executed. */
  async #find (operation: Operation, deadline: number, { log }: FastifyRequest): Promise<NewRecord | RefusalName> {
    try {
      return await this.#limiter.run(deadline, async () => await findRecord(this.#settings.store, operation) ?? 'expired') ?? 'tooManyInFlight'
    } catch (error) {
      return reportUnavailable(log, error)
    }
  }

  async #executeOrReplay (execution: Execution<T>, deadline: number): Promise<unknown> {
    const { operation, fingerprint, reply } = execution.context
    let own: Outcome
    const result = await this.#inFlight.run(operation.id, deadline, async () => {
      own = await this.#execute(execution, deadline)
      // A repetition that waits tries again.
      return own === 'executing' ? undefined : own
    })
    if (execution.hasBegun) return await execution.result
    return reply.send(applyOutcome(reply, own ?? result?.outcome ?? 'executing', fingerprint))
  }

  /** Executes an operation as soon as no other process does. */
  async #execute (execution: Execution<T>, deadline: number): Promise<Outcome> {
    for (let delay = MIN_POLL_DELAY_MS; ; delay = Math.min(2 * delay, MAX_POLL_DELAY_MS)) {
      const attempt = await this.#limiter.run(deadline, async () => ({ outcome: await this.#attempt(execution) }))
      if (attempt === undefined) return 'tooManyInFlight'
      if (attempt.outcome !== 'executing') return attempt.outcome
      const pause = delay * (0.5 + Math.random() / 2)
      if (performance.now() + pause > deadline) return 'executing'
      await sleep(pause)
    }
  }

  async #attempt (execution: Execution<T>): Promise<Outcome> {
    const { store } = this.#settings
    const { operation, fingerprint, request } = execution.context
    const { id } = operation
    try {
      // A repetition needs no transaction if the store can look without one.
      const record = this.#settled.has(id) && store.query !== undefined ? await findRecord(store, operation) : undefined
      if (record !== undefined) return record
      const claim = await executeOnce(store, operation, fingerprint, async transaction => {
        this.#onExecute(request, execution)
        return await execution.execute(transaction)
      })
      if (execution.hasBegun) execution.commit(claim)
      if (claim.type !== 'executing') this.#settled.add(id)
      switch (claim.type) {
        case 'new': return execution.record
        case 'settled': return claim.record
        // A request that is answered does not try again.
        case 'executing': return execution.hasBegun ? undefined : 'executing'
      }
    } catch (error) {
      if (!execution.hasBegun) return reportUnavailable(request.log, error)
      execution.abort(error)
      return undefined
    }
  }
}

function reportUnavailable (log: FastifyBaseLogger, err: unknown): 'storeUnavailable' {
  log.error({ err }, 'fastify-reason-phrase: the store of idempotency is unavailable')
  return 'storeUnavailable'
}

/** Returns the values of all lines of the field. Node joins them in its headers. */
function linesOf ({ raw: { rawHeaders } }: FastifyRequest): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'idempotency-key')
}
