import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { parseKey } from '../../lib/idempotency/key.js'
import { createFingerprint } from '../../lib/idempotency/operation.js'
import type { IdempotencySettings } from '../../lib/idempotency/options.js'
import { RecentIds } from '../../lib/idempotency/recent-ids.js'
import { getBodyDigest } from './body-digest.js'
import { reportUnavailable, type Attempt, type Coordinator } from './coordinator.js'
import { Execution } from './execution.js'
import { applyOutcome } from './replay.js'
import { executeOnce, findRecord } from './transaction.js'

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
   * @param callHandler calls the handler of the route
   * @returns what a handler returns to Fastify
   * @throws {InvalidKey} if the key is not valid
   * @throws {Error} if the scope is not valid, or if the body cannot be hashed
   */
  async answer (request: FastifyRequest, reply: FastifyReply, callHandler: () => unknown): Promise<unknown> {
    const operation = this.#coordinator.createOperation(request, parseKey(linesOf(request)))
    const fingerprint = createFingerprint(request.method, request.originalUrl, await getBodyDigest(request))
    const deadline = this.#coordinator.getDeadline()
    if (this.#coordinator.isExpired(operation)) {
      // A key that is too old is not executed, but its record may still be there.
      const outcome = await this.#coordinator.look(deadline, request.log, async records => await records.find(operation) ?? 'expired')
      return reply.send(applyOutcome(reply, outcome, fingerprint))
    }
    const execution = new Execution<T>({ contract: this.#contract, settings: this.#settings, request, reply, operation, fingerprint, callHandler })
    // The execution goes on after its handler has returned.
    return await Promise.race([execution.result, this.#executeOrReplay(execution, deadline)])
  }

  async #executeOrReplay (execution: Execution<T>, deadline: number): Promise<unknown> {
    const { operation, fingerprint, reply } = execution.context
    const outcome = await this.#coordinator.run(operation.id, deadline, async () => await this.#attempt(execution), execution)
    if (execution.startedAt !== undefined) return await execution.result
    return reply.send(applyOutcome(reply, outcome, fingerprint))
  }

  async #attempt (execution: Execution<T>): Promise<Attempt> {
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
      if (execution.startedAt !== undefined) execution.commit(claim)
      if (claim.type !== 'executing') this.#settled.add(id)
      switch (claim.type) {
        case 'new': return execution.record
        case 'settled': return claim.record
        case 'executing': return 'executing'
      }
    } catch (error) {
      if (execution.startedAt === undefined) return reportUnavailable(request.log, error)
      execution.abort(error)
      return undefined
    }
  }
}

/** Returns the values of all lines of the field. Node joins them in its headers. */
function linesOf ({ raw: { rawHeaders } }: FastifyRequest): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'idempotency-key')
}
