import type { FastifyRequest } from 'fastify'
import { checkOptionNames, throwInvalidOption } from '../../lib/invalid-option.js'
import { MAX_TIMEOUT_MS } from '../../lib/time-limit.js'
import type { MaintenanceStore } from './store.js'

/** Options of the plugin. */
export interface MaintenanceOptions {
  /** Returns whether a request is exempt from maintenance, besides routes with `config.maintenance: 'exempt'`. Default: none is. */
  exempt?: ((request: FastifyRequest) => boolean) | undefined
  /** The store of the state. Default: the state is in this process only. */
  store?: MaintenanceStore | undefined
  /** The time between two reads of the store, in milliseconds. Default: 500. */
  pollInterval?: number | undefined
  /**
   * How long the store can take for one `load()` or `save()`, in milliseconds. Default: 1000. The start waits at most
   * half of Fastify's `pluginTimeout` for the first `load()`. While calls of `load()` hang, the pauses between two reads
   * grow up to 30 seconds.
   */
  timeout?: number | undefined
}

/** The options with their defaults. */
export interface MaintenanceSettings {
  readonly exempt: (request: FastifyRequest) => boolean
  readonly store: MaintenanceStore | undefined
  readonly pollInterval: number
  readonly timeout: number
}

/**
 * Checks the options, and adds the defaults.
 *
 * @throws {TypeError} if an option is unknown, of the wrong type, or out of range
 */
export function resolveOptions (options: MaintenanceOptions): MaintenanceSettings {
  checkOptionNames(options, ['exempt', 'store', 'pollInterval', 'timeout'], 'maintenance')
  const { exempt = () => false, store, pollInterval = 500, timeout = 1000 } = options
  if (typeof exempt !== 'function') throwInvalidOption('exempt of maintenance must be a function of the request', exempt)
  if (store !== undefined && (typeof store?.load !== 'function' || typeof store.save !== 'function')) throwInvalidOption('store of maintenance must be an object with load and save', store)
  checkMilliseconds('pollInterval', pollInterval)
  checkMilliseconds('timeout', timeout)
  return { exempt, store, pollInterval, timeout }
}

function checkMilliseconds (name: string, value: unknown): void {
  if (typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT_MS) return
  throwInvalidOption(`${name} of maintenance must be a positive number of milliseconds`, value)
}
