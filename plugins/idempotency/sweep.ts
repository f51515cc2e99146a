import type { FastifyInstance } from 'fastify'
import type { IdempotencyStore } from '../../lib/idempotency/store.js'
import { transactRecords } from './transaction.js'

/** How many records a transaction removes, so that it is short. */
const BATCH_SIZE = 500

/** A key can be a UUID of a client whose clock is ahead by up to this time. Its record must stay until the key has expired. */
const MARGIN_MS = 3_600_000

/** The times between sweeps, in milliseconds. */
interface Timing {
  /** From one sweep to the next, about. */
  readonly interval: number
  /** From one batch of a sweep to the next, so that others can use the database. */
  readonly pause: number
}

const TIMING: Timing = { interval: 60_000, pause: 100 }

/** Removes old records, again and again until the service closes. */
export class Sweeper {
  readonly #app: FastifyInstance
  readonly #store: IdempotencyStore<unknown>
  readonly #ageMs: number
  readonly #timing: Timing
  #timer: NodeJS.Timeout | undefined
  #batch: Promise<void> | undefined
  #isClosing = false

  /** @param retention how long a record is kept, in seconds */
  constructor (app: FastifyInstance, store: IdempotencyStore<unknown>, retention: number, timing = TIMING) {
    this.#app = app
    this.#store = store
    this.#ageMs = retention * 1000 + MARGIN_MS
    this.#timing = timing
  }

  /** Adds the hooks that start and stop the sweeping. */
  addHooks (): void {
    this.#app.addHook('onReady', done => {
      this.#schedule(this.#getInterval())
      done()
    })
    this.#app.addHook('preClose', async () => {
      this.#isClosing = true
      clearTimeout(this.#timer)
      // The service may end the connections next.
      await this.#batch
    })
  }

  #schedule (delayMs: number): void {
    this.#timer = setTimeout(() => { this.#batch = this.#sweep() }, delayMs).unref()
  }

  async #sweep (): Promise<void> {
    let delayMs = this.#getInterval()
    try {
      const removed = await transactRecords(this.#store, async records => await records.sweep(this.#ageMs, BATCH_SIZE))
      if (removed === BATCH_SIZE) delayMs = this.#timing.pause
    } catch (err) {
      this.#app.log.warn({ err }, 'fastify-reason-phrase: old idempotency records cannot be removed. They stay until the next attempt')
    }
    if (!this.#isClosing) this.#schedule(delayMs)
  }

  /** Returns the time until the next sweep. It varies, so that several processes do not sweep at the same time. */
  #getInterval (): number {
    return this.#timing.interval * (0.75 + Math.random() / 2)
  }
}
