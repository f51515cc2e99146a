import { parseState, type MaintenanceState } from '../../lib/maintenance.js'
import { ServiceUnavailable } from '../../lib/service-unavailable.js'
import { withTimeLimit } from '../../lib/time-limit.js'

/**
 * Stores the state for other processes, and for the next start. If the store
 * throws, takes too long, or returns an invalid state, the last known state
 * applies (initially off).
 */
export interface MaintenanceStore {
  /** Returns the state that was saved last; `{ enabled: false }` if none was saved. */
  load (): MaintenanceState | Promise<MaintenanceState>
  /**
   * Saves the state. A state that is saved with a context, or later than the option `timeout` allows, takes effect with
   * the next `load()`.
   *
   * @param context the context that `enter()` or `leave()` was called with, for example a transaction
   */
  save (state: MaintenanceState, context?: unknown): unknown
}

/** A store whose calls have a time limit. */
export class TimeLimitedStore {
  readonly #store: MaintenanceStore
  readonly #timeoutMs: number
  #pendingLoads = 0

  constructor (store: MaintenanceStore, timeoutMs: number) {
    this.#store = store
    this.#timeoutMs = timeoutMs
  }

  /** The number of `load()` calls that have not settled yet, including those past their time limit. */
  get pendingLoads (): number {
    return this.#pendingLoads
  }

  /**
   * Returns the stored state.
   *
   * @throws {TypeError} if the store returns an invalid state
   * @throws {ServiceUnavailable} if the store takes too long
   * @throws what the store throws
   */
  async load (timeoutMs = this.#timeoutMs): Promise<MaintenanceState> {
    const loading = (async () => await this.#store.load())()
    const settle = (): void => { this.#pendingLoads-- }
    this.#pendingLoads++
    loading.then(settle, settle)
    return parseState(await withTimeLimit(loading, timeoutMs, () => createTimeoutError(timeoutMs)))
  }

  /**
   * Saves a state.
   *
   * @throws {ServiceUnavailable} if the store takes too long
   * @throws what the store throws
   */
  async save (state: MaintenanceState, context: unknown): Promise<void> {
    await withTimeLimit(this.#store.save(state, context), this.#timeoutMs, () => createTimeoutError(this.#timeoutMs))
  }
}

function createTimeoutError (timeoutMs: number): ServiceUnavailable {
  return new ServiceUnavailable(`The store of maintenance did not answer within ${timeoutMs} ms`)
}
