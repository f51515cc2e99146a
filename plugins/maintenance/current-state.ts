import type { FastifyBaseLogger } from 'fastify'
import { getEndMs, OFF, startMaintenance, type MaintenanceStart, type MaintenanceState } from '../../lib/maintenance.js'
import type { TimeLimitedStore } from './store.js'

/** The state of maintenance in this process. */
export class CurrentState {
  readonly #log: FastifyBaseLogger
  readonly #store: TimeLimitedStore | undefined
  #state: MaintenanceState = OFF
  #endMs = Infinity
  // Counts the changes in this process. A state that was loaded before a change is outdated.
  #changeCount = 0

  constructor (log: FastifyBaseLogger, store: TimeLimitedStore | undefined) {
    this.#log = log
    this.#store = store
  }

  /** A quick check: whether maintenance was on when the state was set. It may have ended since. */
  get mayBeEnabled (): boolean {
    return this.#state.enabled
  }

  /** Returns the state. Ends maintenance first if its time has passed. */
  get (): MaintenanceState {
    if (this.#endMs <= Date.now()) this.#set(OFF)
    return this.#state
  }

  /** Starts maintenance. If it is on already, replaces everything except the time at which it started. */
  async enter (start?: MaintenanceStart, context?: unknown): Promise<MaintenanceState> {
    const next = startMaintenance(start)
    const current = this.get()
    return await this.#change(current.enabled ? Object.freeze({ ...next, since: current.since }) : next, context)
  }

  /** Ends maintenance. */
  async leave (context?: unknown): Promise<MaintenanceState> {
    return await this.#change(OFF, context)
  }

  /** Loads the state from a store, and ignores it if this process changed the state in the meantime. */
  async load (store: TimeLimitedStore, timeoutMs: number): Promise<void> {
    const changeCount = this.#changeCount
    const loaded = await store.load(timeoutMs)
    if (changeCount === this.#changeCount) this.#set(loaded)
  }

  /** Marks each load that is in progress as outdated. */
  outdateLoads (): void {
    this.#changeCount++
  }

  async #change (next: MaintenanceState, context: unknown): Promise<MaintenanceState> {
    if (this.#store !== undefined) {
      // Count twice: a load that starts before the state is saved is outdated, and so is a load that starts before it is set.
      this.#changeCount++
      await this.#store.save(next, context)
      // The context may be a transaction, which can still be rolled back.
      if (context !== undefined) return next
    }
    this.#changeCount++
    this.#set(next)
    return this.#state
  }

  #set (next: MaintenanceState): void {
    const wasEnabled = this.#state.enabled
    this.#state = next.enabled && getEndMs(next) <= Date.now() ? OFF : next
    this.#endMs = this.#state.enabled ? getEndMs(this.#state) : Infinity
    if (wasEnabled !== this.#state.enabled) this.#log.info(this.#state.enabled ? this.#state : {}, `Maintenance is ${this.#state.enabled ? 'on' : 'off'}`)
  }
}
