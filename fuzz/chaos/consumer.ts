import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Client, type Key } from '../../client/index.js'
import type { Random } from '../random.js'
import { Operation, type Kind } from './operation.js'
import type { ChaosProxy } from './proxy.js'
import { createRandom } from './settings.js'

/** The timeouts of the client, in milliseconds. */
const TIMEOUT_MS = 500
const DEADLINE_MS = 2_500
const ATTEMPTS = 3

/** The probability that a key is closed while its request is in flight, and the maximum time after the start of the call. */
const EARLY_CLOSING_PROBABILITY = 0.05
const MAX_EARLY_CLOSING_MS = 50

/** The maximum time to settle an operation after the disruptions have ended, in milliseconds. */
const LAST_DEADLINE_MS = 60_000

/** The state that the consumers of a run share. */
export interface Consumption {
  readonly proxy: ChaosProxy
  readonly key: Key
  readonly seed: number
  /** All operations by their keys. */
  readonly operations: Map<string, Operation>
  /** How often `settle()` was called. */
  settles: number
}

/** A consumer of the service: a client with retries that performs one operation after the other. */
export class Consumer {
  readonly #consumption: Consumption
  readonly #client: Client
  readonly #number: number
  readonly #random: Random
  /** The operations with an unknown outcome, which the consumer settles later. */
  readonly #unknown: Operation[] = []

  constructor (consumption: Consumption, number: number) {
    const { proxy, key, seed } = consumption
    this.#consumption = consumption
    this.#number = number
    this.#random = createRandom(seed, `consumer ${number}`)
    this.#client = createClient({ baseUrl: proxy.url, key, timeout: TIMEOUT_MS, retry: { deadline: DEADLINE_MS, attempts: ATTEMPTS, baseDelay: 30, maxDelay: 300 } })
  }

  /** Performs operations until the run is over. */
  async run (isOver: () => boolean): Promise<void> {
    for (let round = 0; !isOver(); round++) {
      for (const operation of this.#unknown.splice(0)) await this.#finish(operation)
      const name = `${this.#number}-${round}`
      if (this.#random.chance(0.2)) await this.#operate('refuse', `refuse-${name}`)
      const result = await this.#operate('create', `create-${name}`)
      if (result?.outcome !== 'success') continue
      const topicId = result.body.topicId!
      for (let message = this.#random.below(4); message > 0; message--) await this.#operate('message', `message-${name}-${message}`, topicId)
      if (this.#random.chance(0.3)) continue
      await this.#operate('delete', `delete-${name}`, topicId)
      // Send to the deleted topic. It still exists if the deletion is unknown or was rejected.
      if (this.#random.chance(0.2)) await this.#operate('message', `message-${name}-late`, topicId)
    }
  }

  /** Performs an operation, and returns its final result. Undefined if the outcome is still unknown. */
  async #operate (kind: Kind, key: string, topicId?: string) {
    const { seed, operations } = this.#consumption
    const operation = new Operation(kind, key, createRandom(seed, key), topicId)
    operations.set(key, operation)
    const isClosedEarly = operation.random.chance(EARLY_CLOSING_PROBABILITY)
    await Promise.all([
      this.#call(operation),
      isClosedEarly && sleep(MAX_EARLY_CLOSING_MS * operation.random.next()).then(async () => { await this.#settle(operation) })
    ])
    await this.#finish(operation)
    return operation.result
  }

  /**
   * Settles an operation if its outcome is unknown. As soon as the outcome is final, releases the requests that the proxy holds.
   */
  async #finish (operation: Operation): Promise<void> {
    if (operation.result === undefined) await this.#settle(operation)
    if (operation.result === undefined) this.#unknown.push(operation)
    else this.#consumption.proxy.release(operation)
  }

  async #call (operation: Operation): Promise<void> {
    const { key, request: { method, path, body } } = operation
    operation.addResult('call', await this.#client(method, path, { body, idempotencyKey: key }))
  }

  async #settle (operation: Operation): Promise<void> {
    this.#consumption.settles++
    operation.addResult('settle', await this.#client.settle(operation.key))
  }
}

/** Settles all operations with an unknown outcome, and returns their number. The service must be available again. */
export async function settleUnknown ({ proxy, key, operations }: Consumption): Promise<number> {
  const client = createClient({ baseUrl: proxy.url, key, timeout: LAST_DEADLINE_MS / 10, retry: { deadline: LAST_DEADLINE_MS } })
  const unknown = [...operations.values()].filter(({ result }) => result === undefined)
  for (const operation of unknown) operation.addResult('settle', await client.settle(operation.key))
  return unknown.length
}
