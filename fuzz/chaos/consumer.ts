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

/** How often a key is closed while its request is on its way, and how long after the call begins at most. */
const EARLY_CLOSING_PROBABILITY = 0.05
const MAX_EARLY_CLOSING_MS = 50

/** How long the settling of an operation takes at most when the service is back. */
const LAST_DEADLINE_MS = 60_000

/** What the consumers of a run share. */
export interface Consumption {
  readonly proxy: ChaosProxy
  readonly key: Key
  readonly seed: number
  /** All operations by their keys. */
  readonly operations: Map<string, Operation>
  /** How often `settle()` was called. */
  settles: number
}

/** A consumer of the service: a client with retries, which does one operation after the other. */
export class Consumer {
  readonly #consumption: Consumption
  readonly #client: Client
  readonly #number: number
  readonly #random: Random
  /** The operations that it settles later. */
  readonly #unknown: Operation[] = []

  constructor (consumption: Consumption, number: number) {
    const { proxy, key, seed } = consumption
    this.#consumption = consumption
    this.#number = number
    this.#random = createRandom(seed, `consumer ${number}`)
    this.#client = createClient({ baseUrl: proxy.url, key, timeout: TIMEOUT_MS, retry: { deadline: DEADLINE_MS, attempts: ATTEMPTS, baseDelay: 30, maxDelay: 300 } })
  }

  /** Does operations until the run is over. */
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
      // The topic is gone, unless the deletion is unknown or was rejected.
      if (this.#random.chance(0.2)) await this.#operate('message', `message-${name}-late`, topicId)
    }
  }

  /** Does an operation. Returns its outcome; undefined if that is not known yet. */
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

  /** Settles an operation, unless its outcome is known. Then its late requests may arrive. */
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

/** Settles the operations that are unknown. The service must be back. */
export async function settleUnknown ({ proxy, key, operations }: Consumption): Promise<number> {
  const client = createClient({ baseUrl: proxy.url, key, timeout: LAST_DEADLINE_MS / 10, retry: { deadline: LAST_DEADLINE_MS } })
  const unknown = [...operations.values()].filter(({ result }) => result === undefined)
  for (const operation of unknown) operation.addResult('settle', await client.settle(operation.key))
  return unknown.length
}
