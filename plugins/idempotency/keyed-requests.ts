import { inspect } from 'node:util'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { parseKey } from '../../lib/idempotency/key.js'
import { createFingerprint, type Operation } from '../../lib/idempotency/operation.js'
import type { IdempotencySettings } from '../../lib/idempotency/options.js'
import type { Claim, NewRecord } from '../../lib/idempotency/record.js'
import { RecentIds } from '../../lib/idempotency/recent-ids.js'
import type { Outcome } from '../../lib/idempotency/refusals.js'
import { describeRouteOf } from '../reason-phrase/route-name.js'
import { getBodyDigest } from './body-digest.js'
import { poll, reportUnavailable, type Coordinator } from './coordinator.js'
import { Execution, type Commit, type ExecutionContext } from './execution.js'
import { applyOutcome, RefusalError } from './replay.js'
import { executeOnce, findRecord, insertRecord } from './transaction.js'

/** How many ids of settled operations a process remembers. */
const MAX_SETTLED_IDS = 10_000

/** Answers the requests with idempotency keys in this process. */
export class KeyedRequests<T> {
  readonly #settings: IdempotencySettings<T, FastifyRequest>
  readonly #coordinator: Coordinator<T>
  readonly #contract: Contract
  readonly #onExecute: (request: FastifyRequest, execution: Execution<T>) => void
  readonly #settled = new RecentIds(MAX_SETTLED_IDS)

  /** @param onExecute is called before the handler of a request */
  constructor (settings: IdempotencySettings<T, FastifyRequest>, coordinator: Coordinator<T>, contract: Contract, onExecute: (request: FastifyRequest, execution: Execution<T>) => void) {
    this.#settings = settings
    this.#coordinator = coordinator
    this.#contract = contract
    this.#onExecute = onExecute
  }

  /**
   * Answers a request with a key: calls its handler, replays the recorded response, or sends a refusal.
   *
   * @param isShared whether the handler commits its effects with `request.commitWith()`
   * @param callHandler calls the handler of the route
   * @returns the value that a handler returns to Fastify
   * @throws {InvalidKey} if the key is not valid
   * @throws {Error} if the option `scope` returns no caller, or if the body cannot be hashed
   */
  async answer (request: FastifyRequest, reply: FastifyReply, isShared: boolean, callHandler: () => unknown): Promise<unknown> {
    const operation = this.#coordinator.createOperation(request, parseKey(linesOf(request)))
    const fingerprint = createFingerprint(request.method, request.originalUrl, await getBodyDigest(request))
    const execution = new Execution<T>({ contract: this.#contract, settings: this.#settings, request, reply, operation, fingerprint, isShared, callHandler })
    const deadline = this.#coordinator.createDeadline()
    if (this.#coordinator.isExpired(operation)) return reply.send(applyOutcome(reply, await this.#find(execution.context, deadline) ?? 'expired', fingerprint))
    // Fastify needs the result of the handler while the execution is still committing.
    return await Promise.race([execution.result, this.#executeOrReplay(execution, deadline)])
  }

  /** Returns the record of a key, or the name of a refusal if the store could not be read; undefined if there is no record. */
  async #find ({ operation, request }: ExecutionContext, deadline: number): Promise<Outcome | undefined> {
    return await this.#coordinator.look(deadline, request.log, async records => await records.find(operation))
  }

  async #executeOrReplay (execution: Execution<T>, deadline: number): Promise<unknown> {
    const { operation, fingerprint, reply, isShared } = execution.context
    const outcome = await this.#coordinator.run(operation.id, deadline, async () => {
      return isShared ? await this.#executeShared(execution, deadline) : await this.#execute(execution, deadline)
    }, execution)
    if (execution.startedAt !== undefined) return await execution.result
    return reply.send(applyOutcome(reply, outcome, fingerprint))
  }

  /** Executes an operation in its own transaction, as soon as no other process executes it. Returns undefined after a rollback. */
  async #execute (execution: Execution<T>, deadline: number): Promise<Outcome | undefined> {
    return await poll(deadline, async () => await this.#coordinator.limit(deadline, async () => await this.#attempt(execution)))
  }

  async #attempt (execution: Execution<T>): Promise<Outcome | undefined> {
    const { store } = this.#settings
    const { operation, fingerprint, request } = execution.context
    try {
      // A replay needs no transaction if the store can read without one.
      const record = this.#settled.has(operation.id) && store.query !== undefined ? await findRecord(store, operation) : undefined
      if (record !== undefined) return record
      const claim = await executeOnce(store, operation, fingerprint, async transaction => {
        this.#onExecute(request, execution)
        return await execution.execute(transaction)
      })
      if (execution.startedAt !== undefined && execution.record === undefined) throw new Error(describeRouteOf(request, 'the transaction was committed before the handler sent its response. Do not commit request.transaction in a handler'))
      const outcome = toOutcome(claim, execution.record)
      this.#remember(operation, outcome)
      if (execution.startedAt === undefined) return outcome
      execution.commit(outcome)
      // The handler has run, so there is no further attempt.
      return outcome === 'executing' ? undefined : outcome
    } catch (error) {
      if (execution.startedAt === undefined) return reportUnavailable(request.log, error)
      execution.abort(error)
      return undefined
    }
  }

  /**
   * Executes an operation whose handler shares a transaction. No database connection is held while the handler runs. Returns
   * undefined if nothing was committed.
   */
  async #executeShared (execution: Execution<T>, deadline: number): Promise<Outcome | undefined> {
    const { context } = execution
    const known = this.#settled.has(context.operation.id) ? await this.#find(context, deadline) : undefined
    if (known !== undefined) return known
    this.#onExecute(context.request, execution)
    let outcome: Outcome | undefined
    try {
      outcome = await this.#commitShared(execution, await execution.execute(undefined))
    } catch (error) {
      // Another request may have settled the key, or the result of an uncertain commit may be known now.
      outcome = await this.#find(context, this.#coordinator.createDeadline())
      if (typeof outcome !== 'object') {
        execution.abort(error)
        return undefined
      }
    }
    this.#remember(context.operation, outcome)
    execution.commit(outcome)
    return outcome
  }

  /** Commits the record of a response, with the effects of the handler if it has any. Returns the outcome of the key. */
  async #commitShared ({ context, sharedCommit }: Execution<T>, record: NewRecord): Promise<Outcome> {
    // A rejection is recorded without effects.
    const isInserted = sharedCommit !== undefined && record.state === 'succeeded'
      ? await callCommit(sharedCommit, record, context.request)
      : await this.#insert(record)
    if (typeof isInserted !== 'boolean') return isInserted
    if (isInserted) return record
    const deadline = this.#coordinator.createDeadline()
    return await poll(deadline, async () => await this.#find(context, deadline) ?? 'executing')
  }

  /** Inserts a record without effects. */
  async #insert (record: NewRecord): Promise<boolean | 'tooManyInFlight'> {
    try {
      return await this.#coordinator.limit(this.#coordinator.createDeadline(), async () => await insertRecord(this.#settings.store, record))
    } catch (error) {
      throw new RefusalError('commitUnknown', error)
    }
  }

  #remember ({ id }: Operation, outcome: Outcome): void {
    if (typeof outcome === 'object') this.#settled.add(id)
  }
}

/**
 * Returns the outcome of a claim.
 *
 * @param record the record of the request that claims the key; undefined if it was not executed
 */
function toOutcome (claim: Claim, record: NewRecord | undefined): Outcome {
  if (claim.type === 'new') return record!
  return claim.type === 'settled' ? claim.record : 'executing'
}

/** @throws {TypeError} if the function does not resolve to a boolean */
async function callCommit (commit: Commit, record: NewRecord, request: FastifyRequest): Promise<boolean> {
  const isInserted: unknown = await commit(record)
  if (typeof isInserted !== 'boolean') {
    throw new TypeError(describeRouteOf(request, `the function given to request.commitWith() must resolve to true if it has inserted the record, or to false if the key was used before. It resolved to ${inspect(isInserted, { depth: 0 })}`))
  }
  return isInserted
}

/** Returns the value of each `Idempotency-Key` line. `request.headers` has them joined. */
function linesOf ({ raw: { rawHeaders } }: FastifyRequest): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'idempotency-key')
}
