import type { FastifyInstance } from 'fastify'
import type { MaintenanceSettings } from './options.js'
import type { CurrentState } from './current-state.js'
import type { TimeLimitedStore } from './store.js'

// The longest pause between two reads while earlier ones hang.
const MAX_PAUSE_MS = 30_000

/** Loads the state from the store before the service starts, and then at intervals until the service closes. */
export class StorePoller {
  readonly #app: FastifyInstance
  readonly #state: CurrentState
  readonly #store: TimeLimitedStore
  readonly #settings: MaintenanceSettings
  #timer: NodeJS.Timeout | undefined
  #isClosing = false
  #isReadable = true

  constructor (app: FastifyInstance, state: CurrentState, store: TimeLimitedStore, settings: MaintenanceSettings) {
    this.#app = app
    this.#state = state
    this.#store = store
    this.#settings = settings
  }

  /** Adds the hooks that start and stop the polling. */
  addHooks (): void {
    const { timeout } = this.#settings
    const pluginTimeout = this.#app.initialConfig.pluginTimeout!
    // Fastify fails the start if an onReady hook takes longer than pluginTimeout.
    const firstTimeout = pluginTimeout > 0 ? Math.min(timeout, pluginTimeout / 2) : timeout
    this.#app.addHook('onReady', async () => { await this.#poll(firstTimeout) })
    this.#app.addHook('preClose', done => {
      this.#isClosing = true
      clearTimeout(this.#timer)
      done()
    })
  }

  /** Loads the state now. Ignores the results of reads that are in progress. */
  async reload (): Promise<void> {
    this.#state.outdateLoads()
    await this.#load(this.#settings.timeout)
  }

  async #poll (timeoutMs: number): Promise<void> {
    await this.#load(timeoutMs)
    if (!this.#isClosing) this.#timer = setTimeout(() => { this.#poll(this.#settings.timeout) }, this.#getPauseMs()).unref()
  }

  async #load (timeoutMs: number): Promise<void> {
    try {
      await this.#state.load(this.#store, timeoutMs)
      this.#logSuccess()
    } catch (error) {
      this.#logFailure(error)
    }
  }

  #logSuccess (): void {
    if (!this.#isReadable) this.#app.log.info('fastify-reason-phrase: the store of maintenance can be read again')
    this.#isReadable = true
  }

  #logFailure (error: unknown): void {
    if (this.#isReadable && !this.#isClosing) this.#app.log.warn({ err: error }, 'fastify-reason-phrase: the store of maintenance cannot be read, so the last known state applies')
    this.#isReadable = false
  }

  /** Returns the pause before the next read. Each hanging read after the first doubles it, so that few reads hang at a time. */
  #getPauseMs (): number {
    const { pollInterval } = this.#settings
    return Math.min(pollInterval * 2 ** Math.max(this.#store.pendingLoads - 1, 0), Math.max(pollInterval, MAX_PAUSE_MS))
  }
}
