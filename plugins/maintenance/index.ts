/**
 * The plugin for maintenance: sends 503 while maintenance is on.
 *
 * @module fastify-reason-phrase/maintenance
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { MaintenanceStart, MaintenanceState } from '../../lib/maintenance.js'
import { decorate } from '../reason-phrase/decorate.js'
import { resolveOptions, type MaintenanceOptions } from './options.js'
import { StorePoller } from './store-poller.js'
import { sendUnavailable } from './send-unavailable.js'
import { CurrentState } from './current-state.js'
import { TimeLimitedStore } from './store.js'

export type { MaintenanceOff, MaintenanceOn, MaintenanceStart, MaintenanceState } from '../../lib/maintenance.js'
export type { MaintenanceOptions } from './options.js'
export type { MaintenanceStore } from './store.js'

/** The maintenance of a service. */
export interface Maintenance {
  /** The current state, frozen. */
  readonly state: MaintenanceState
  /**
   * Starts maintenance: every new request gets 503. Requests in flight are
   * finished. If maintenance is on already, the options replace the earlier ones.
   *
   * @param context is passed to `save()` of the store, for example a transaction. A transaction can be rolled back, so with a
   *   context, the state takes effect when it is loaded: call `reload()` after the commit, or wait for the next read of the store
   * @returns the state, after the store has saved it
   * @throws {TypeError} if an option is unknown or of the wrong type, if `until` is past, or if there are both `until` and `retryAfter`
   * @throws what the store throws, or a 503 if the store takes too long; the state stays as it was
   */
  enter (start?: MaintenanceStart, context?: unknown): Promise<MaintenanceState>
  /**
   * Ends maintenance.
   *
   * @param context as for {@link enter}
   * @returns the state, after the store has saved it
   * @throws what the store throws, or a 503 if the store takes too long; the state stays as it was
   */
  leave (context?: unknown): Promise<MaintenanceState>
  /**
   * Loads the state from the store, instead of waiting for the next read. If the store fails, a warning is logged and the
   * last known state stays. Without a store, it does nothing.
   */
  reload (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance { maintenance: Maintenance }
  interface FastifyContextConfig {
    /** `exempt`: the route stays available during maintenance. */
    maintenance?: 'exempt' | undefined
  }
}

async function maintenance (app: FastifyInstance, { prefix, logLevel, logSerializers, ...options }: RegisterOptions & MaintenanceOptions): Promise<void> {
  const settings = resolveOptions(options)
  const { exempt } = settings
  const store = settings.store && new TimeLimitedStore(settings.store, settings.timeout)
  const current = new CurrentState(app.log, store)
  const poller = store && new StorePoller(app, current, store, settings)

  function answerDuringMaintenance (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    if (!current.mayBeEnabled) return done()
    const state = current.get()
    if (!state.enabled || request.routeOptions.config?.maintenance === 'exempt' || exempt(request)) return done()
    sendUnavailable(request, reply, state)
  }

  const decorator: Maintenance = {
    get state () { return current.get() },
    enter: async (start, context) => await current.enter(start, context),
    leave: async context => await current.leave(context),
    reload: async () => await poller?.reload()
  }
  decorate(app, 'instance', 'maintenance', decorator)
  app.addHook('onRequest', answerDuringMaintenance)
  poller?.addHooks()
}

/**
 * The Fastify plugin that takes a service offline for maintenance. Every
 * request gets 503 with a message and `Retry-After`. The response is sent before
 * the body is read, and before the hooks of plugins that are registered later.
 * Register it directly after `fastify-reason-phrase`.
 *
 * @throws {TypeError} if an option is unknown, of the wrong type, or out of range
 */
export default fp(maintenance, { fastify: '5.x', name: 'fastify-reason-phrase/maintenance', dependencies: ['fastify-reason-phrase'] })
