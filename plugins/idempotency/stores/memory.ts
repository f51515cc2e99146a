import { toText, type Operation } from '../../../lib/idempotency/operation.js'
import type { Answer, Claim, NewRecord, StoredRecord } from '../../../lib/idempotency/record.js'
import type { IdempotencyStore, Records } from '../../../lib/idempotency/store.js'
import { Guard } from './guard.js'

/** The transaction that handlers get from {@link memoryStore}. */
export interface MemoryTransaction {
  /** Adds an effect, which is called when the transaction is committed. */
  onCommit (effect: () => void): void
}

/**
 * Returns a store for the tests of your routes. **Do not use it in production**:
 * the records are in the memory of this process, and are lost when it ends. A
 * transaction has functions as its effects, and calls them when it commits.
 */
export function memoryStore (): IdempotencyStore<MemoryTransaction> {
  const memory: Memory = { settled: new Map(), executing: new Map() }
  return {
    // The store runs no SQL, but like PostgreSQL, it can have several transactions at a time.
    dialect: 'postgresql',
    description: 'memoryStore() keeps idempotency records in this process only. Use another store in production',
    async transaction (work) {
      const transaction = new Transaction(memory)
      try {
        const result = await work({
          transaction: { onCommit: effect => { transaction.addEffect(effect) } },
          query: async () => { throw new Error('fastify-reason-phrase: memoryStore() cannot run SQL. Use the records of the session') },
          records: transaction
        })
        transaction.commit()
        return result
      } finally {
        transaction.end()
      }
    }
  }
}

interface Memory {
  /** The committed records by id. */
  readonly settled: Map<string, StoredRecord>
  /** The claims of the transactions that have not ended, by id. */
  readonly executing: Map<string, Claimed>
}

interface Claimed {
  readonly since: number
  readonly fingerprint: Buffer | undefined
  record: StoredRecord | undefined
}

class Transaction implements Records {
  readonly #memory: Memory
  readonly #guard = new Guard()
  #claims = new Map<string, Claimed>()
  #effects: Array<() => void> = []

  constructor (memory: Memory) {
    this.#memory = memory
  }

  addEffect (effect: () => void): void {
    this.#guard.check()
    this.#effects.push(effect)
  }

  /** @throws {Error} if a claimed operation is not settled */
  commit (): void {
    for (const { record } of this.#claims.values()) {
      if (record === undefined) throw new Error('fastify-reason-phrase: memoryStore() cannot commit a transaction before its idempotency key is settled')
    }
    for (const [id, { record }] of this.#claims) this.#memory.settled.set(id, record!)
    for (const effect of this.#effects) effect()
  }

  end (): void {
    this.#guard.end()
    for (const id of this.#claims.keys()) this.#memory.executing.delete(id)
  }

  async claim (operation: Operation, fingerprint: Buffer | undefined): Promise<Claim> {
    const id = toText(operation.id)
    const record = this.#memory.settled.get(id)
    if (record !== undefined) return { type: 'settled', record }
    if (this.#memory.executing.has(id)) return { type: 'executing' }
    const claimed = { since: Date.now(), fingerprint, record: undefined }
    this.#memory.executing.set(id, claimed)
    this.#claims.set(id, claimed)
    return { type: 'new' }
  }

  async settle (operation: Operation, answer: Answer): Promise<void> {
    const claimed = this.#claims.get(toText(operation.id))
    if (claimed === undefined) throw new Error('fastify-reason-phrase: memoryStore() can settle an idempotency key only in the transaction that has claimed it')
    const { fingerprint, since } = claimed
    claimed.record = { operation, fingerprint, state: 'succeeded', answer, createdAt: since, settledAt: Date.now() }
  }

  async reject (record: NewRecord): Promise<Claim> {
    this.end()
    this.#claims = new Map()
    this.#effects = []
    return await this.#insert(record)
  }

  async insert (records: readonly NewRecord[]): Promise<boolean[]> {
    const claims = []
    for (const record of records) claims.push(await this.#insert(record))
    return claims.map(({ type }) => type === 'new')
  }

  async #insert (record: NewRecord): Promise<Claim> {
    const claim = await this.claim(record.operation, record.fingerprint)
    const now = Date.now()
    if (claim.type === 'new') this.#claims.get(toText(record.operation.id))!.record = { ...record, createdAt: now, settledAt: now }
    return claim
  }

  async find (operation: Operation): Promise<StoredRecord | undefined> {
    const id = toText(operation.id)
    return this.#claims.get(id)?.record ?? this.#memory.settled.get(id)
  }

  async findExecuting (operation: Operation): Promise<{ since: number } | undefined> {
    const claimed = this.#memory.executing.get(toText(operation.id))
    return claimed === undefined ? undefined : { since: claimed.since }
  }

  async release (): Promise<void> {}

  async sweep (retentionMs: number, limit: number): Promise<number> {
    const end = Date.now() - retentionMs
    // A Map keeps the order of insertion, so the oldest records come first.
    const old = [...this.#memory.settled].filter(([, { createdAt }]) => createdAt < end).slice(0, limit)
    for (const [id] of old) this.#memory.settled.delete(id)
    return old.length
  }
}
