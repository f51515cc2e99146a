import { inspect } from 'node:util'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { parseKey } from '../../lib/idempotency/key.js'
import { createFingerprint, type Operation } from '../../lib/idempotency/operation.js'
import type { IdempotencySettings } from '../../lib/idempotency/options.js'
import type { Claim, NewRecord } from '../../lib/idempotency/record.js'
import { RecentIds } from '../../lib/idempotency/recent-ids.js'
import type { Outcome } from '../../lib/idempotency/refusals.js'
import { getBodyDigest } from './body-digest.js'
import { poll, reportUnavailable, type Coordinator } from './coordinator.js'
import { Execution, type Commit, type ExecutionContext } from './execution.js'
import { applyOutcome, RefusalError } from './replay.js'
import { executeOnce, findRecord, insertRecord } from './transaction.js'

/** How many ids of operations that are settled a process remembers. */
const MAX_SETTLED_IDS = 10_000

/** The requests with idempotency keys that this process answers. */
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
   * Answers a request with a key: by its handler, from the record of its key, or by a refusal.
   *
   * @param isShared whether the handler gives its effects to `request.commitWith()`
   * @param callHandler calls the handler of the route
   * @returns what a handler returns to Fastify
   * @throws {InvalidKey} if the key is not valid
   * @throws {Error} if the scope is not valid, or if the body cannot be hashed
   */
  async answer (request: FastifyRequest, reply: FastifyReply, isShared: boolean, callHandler: () => unknown): Promise<unknown> {
    const operation = this.#coordinator.createOperation(request, parseKey(linesOf(request)))
    const fingerprint = createFingerprint(request.method, request.originalUrl, await getBodyDigest(request))
    const execution = new Execution<T>({ contract: this.#contract, settings: this.#settings, request, reply, operation, fingerprint, isShared, callHandler })
    const deadline = this.#coordinator.createDeadline()
    if (this.#coordinator.isExpired(operation)) return reply.send(applyOutcome(reply, await this.#find(execution.context, deadline) ?? 'expired', fingerprint))
    // The execution goes on after its handler has returned.
    return await Promise.race([execution.result, this.#executeOrReplay(execution, deadline)])
  }

  /** Looks for the record of a key. Returns undefined if there is none. */
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

  /** Executes an operation in a transaction of its own, as soon as no other process executes it. Returns undefined if it was rolled back. */
  async #execute (execution: Execution<T>, deadline: number): Promise<Outcome | undefined> {
    return await poll(deadline, async () => await this.#coordinator.limit(deadline, async () => await this.#attempt(execution)))
  }

  async #attempt (execution: Execution<T>): Promise<Outcome | undefined> {
    const { store } = this.#settings
    const { operation, fingerprint, request } = execution.context
    try {
      // A repetition needs no transaction if the store can look without one.
      const record = this.#settled.has(operation.id) && store.query !== undefined ? await findRecord(store, operation) : undefined
      if (record !== undefined) return record
      const claim = await executeOnce(store, operation, fingerprint, async transaction => {
        this.#onExecute(request, execution)
        return await execution.execute(transaction)
      })
      if (execution.startedAt !== undefined && execution.record === undefined) throw new Error('The transaction was committed before the answer')
      const outcome = toOutcome(claim, execution.record)
      this.#remember(operation, outcome)
      if (execution.startedAt === undefined) return outcome
      execution.commit(outcome)
      // The request is answered, so it does not try again.
      return outcome === 'executing' ? undefined : outcome
    } catch (error) {
      if (execution.startedAt === undefined) return reportUnavailable(request.log, error)
      execution.abort(error)
      return undefined
    }
  }

  /**
   * Executes an operation whose handler shares a transaction. No connection is held while the handler runs. Returns undefined
   * if nothing was committed.
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
      // Another request can have settled the key, or the result of the commit is known now.
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

  /** Commits the record of an answer, with the effects of the handler if it has any. Returns what the key is settled with. */
  async #commitShared ({ context, sharedCommit }: Execution<T>, record: NewRecord): Promise<Outcome> {
    // The effects of a rejection are left out.
    const isInserted = sharedCommit !== undefined && record.state === 'succeeded'
      ? await callCommit(sharedCommit, record)
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

/** @param record that of the claiming request; undefined if it was not executed */
function toOutcome (claim: Claim, record: NewRecord | undefined): Outcome {
  if (claim.type === 'new') return record!
  return claim.type === 'settled' ? claim.record : 'executing'
}

/** @throws {TypeError} if the function does not tell whether it has inserted the record */
async function callCommit (commit: Commit, record: NewRecord): Promise<boolean> {
  const isInserted: unknown = await commit(record)
  if (typeof isInserted !== 'boolean') throw new TypeError(`fastify-reason-phrase: the function of request.commitWith() must resolve to whether the record was inserted, not to ${inspect(isInserted)}`)
  return isInserted
}

/** Returns the values of all lines of the field. Node joins them in its headers. */
function linesOf ({ raw: { rawHeaders } }: FastifyRequest): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'idempotency-key')
}
