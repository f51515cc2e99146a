import type { FastifyInstance } from 'fastify'
import type { IdempotencyStore } from '../../lib/idempotency/store.js'
import { transactRecords } from './transaction.js'

/** How many records one transaction removes at most. More would make the transaction long. */
const BATCH_SIZE = 500

/** How far ahead the clock of a client may be. The time in a UUID key comes from this clock, so its record must stay longer. */
const MARGIN_MS = 3_600_000

/** The pauses between transactions, in milliseconds. */
interface Timing {
  /** The approximate time from one sweep to the next. */
  readonly interval: number
  /** The time from one batch of a sweep to the next, which leaves the database to other queries. */
  readonly pause: number
}

const TIMING: Timing = { interval: 60_000, pause: 100 }

/** Removes old records at intervals, until the service closes. */
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
      // After this hook, the service may close its database connections.
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
      this.#app.log.warn({ err }, 'fastify-reason-phrase: removing old idempotency records failed. The next sweep tries again')
    }
    if (!this.#isClosing) this.#schedule(delayMs)
  }

  /** Returns the time until the next sweep. It varies, so that several processes do not sweep at the same time. */
  #getInterval (): number {
    return this.#timing.interval * (0.75 + Math.random() / 2)
  }
}
