import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { enableLingeringClose } from '../../lib/linger.js'
import { begin, endOf, OFF, restore, retryAfterOf, type MaintenanceOn, type MaintenanceStart, type MaintenanceState } from '../../lib/maintenance.js'
import { markLogged, setReplyMessage } from '../../lib/response/state.js'
import { ServiceUnavailable } from '../../lib/service-unavailable.js'
import { withTimeLimit } from '../../lib/time-limit.js'

export type { MaintenanceOff, MaintenanceOn, MaintenanceStart, MaintenanceState } from '../../lib/maintenance.js'

/**
 * Keeps the state for other processes, and for the next start. While the store
 * throws, takes too long, or returns something that is not a state, the last
 * state stays, at the start off.
 */
export interface MaintenanceStore {
  /** The state that was saved last; `{ enabled: false }` where none was. */
  load (): MaintenanceState | Promise<MaintenanceState>
  /** Saves the state. One that is saved after {@link MaintenanceOptions.timeout} takes effect with the next `load()`. */
  save (state: MaintenanceState): unknown
}

/** Options of the plugin. */
export interface MaintenanceOptions {
  /** Which requests are answered as always, beside those of routes with `config: { maintenance: 'exempt' }`. */
  exempt?: ((request: FastifyRequest) => boolean) | undefined
  /** Where the state is kept. Default: in this process alone. */
  store?: MaintenanceStore | undefined
  /** How long after one look at the store the next one is, in milliseconds. Default: 500. */
  pollInterval?: number | undefined
  /**
   * How long the store may take for one `load()` or `save()`, in milliseconds. Default: 1000. The start waits at most
   * half of Fastify's `pluginTimeout` for the first `load()`. While calls hang, the store is read less and less often,
   * but at least every 30 seconds.
   */
  timeout?: number | undefined
}

/** The maintenance of a service. */
export interface Maintenance {
  /** The state now, frozen. */
  readonly state: MaintenanceState
  /**
   * Has every request from now on answered with 503. Those in flight are
   * finished. While it is on, what it was begun with is replaced.
   *
   * @returns the state, once the store has it
   * @throws {TypeError} for what is unknown, of the wrong type, over already, or says twice when it ends
   * @throws what the store throws, or a 503 when the store takes too long; the state stays as it was
   */
  enter (start?: MaintenanceStart): Promise<MaintenanceState>
  /** Ends it; as {@link enter} in the rest. */
  leave (): Promise<MaintenanceState>
}

declare module 'fastify' {
  interface FastifyInstance { maintenance: Maintenance }
  interface FastifyContextConfig {
    /** `exempt`: the route is answered during maintenance, too. */
    maintenance?: 'exempt' | undefined
  }
}

async function maintenance (app: FastifyInstance, { exempt = () => false, store, pollInterval = 500, timeout = 1000 }: MaintenanceOptions): Promise<void> {
  check('exempt', 'a function of the request', exempt, typeof exempt === 'function')
  check('store', 'an object with load and save', store, store === undefined || (typeof store?.load === 'function' && typeof store.save === 'function'))
  for (const [name, value] of Object.entries({ pollInterval, timeout })) {
    check(name, 'a positive number of milliseconds', value, typeof value === 'number' && value > 0 && value < 2 ** 31)
  }

  let state: MaintenanceState = OFF
  let end = Infinity
  // Counts what happens here, so that a look at the store from before it is not taken for news.
  let changes = 0

  function set (next: MaintenanceState): void {
    const before = state
    state = next.enabled && endOf(next) <= Date.now() ? OFF : next
    end = state.enabled ? endOf(state) : Infinity
    if (before.enabled !== state.enabled) app.log.info(state.enabled ? state : {}, `Maintenance is ${state.enabled ? 'on' : 'off'}`)
  }

  function now (): MaintenanceState {
    if (end <= Date.now()) set(OFF)
    return state
  }

  async function change (next: MaintenanceState): Promise<MaintenanceState> {
    if (store !== undefined) {
      changes++
      await withTimeLimit(store.save(next), timeout, () => tooLate(timeout))
    }
    changes++
    set(next)
    return state
  }

  app.decorate('maintenance', {
    get state () { return now() },
    async enter (start) {
      const next = begin(start)
      const running = now()
      return await change(running.enabled ? Object.freeze({ ...next, since: running.since }) : next)
    },
    leave: () => change(OFF)
  })

  app.addHook('onRequest', function (request, reply, done) {
    if (!state.enabled) return done()
    const current = now()
    if (!current.enabled || request.routeOptions.config?.maintenance === 'exempt' || exempt(request)) return done()
    refuse(request, reply, current)
  })

  if (store !== undefined) {
    follow(app, { store, pollInterval, timeout }, async load => {
      const before = changes
      const loaded = await load()
      if (before === changes) set(loaded)
    })
  }
}

function check (name: string, rule: string, value: unknown, holds: boolean): void {
  if (!holds) throw new TypeError(`fastify-reason-phrase: option ${name} of maintenance must be ${rule}, not ${inspect(value, { depth: 0 })}`)
}

function refuse ({ raw }: FastifyRequest, reply: FastifyReply, state: MaintenanceOn): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = raw.headers
  // A body that nobody reads would be in the way of the next request (RFC 9112 section 9.3).
  if ((length !== '0' || coding !== undefined) && raw.httpVersionMajor === 1) {
    reply.header('connection', 'close')
    enableLingeringClose(raw.socket as Socket)
  }
  setReplyMessage(reply.raw, state.message)
  // It is no error of the service, and Fastify's own log has the request.
  markLogged(reply.raw)
  reply.code(503).header('retry-after', retryAfterOf(state)).send()
}

function tooLate (limit: number): ServiceUnavailable {
  return new ServiceUnavailable(`The store of maintenance did not answer within ${limit} ms`)
}

// The longest pause between two calls of load() while earlier ones hang, in milliseconds.
const LONGEST_PAUSE = 30_000

/** Looks at the store before the service starts, and from then on again and again until it closes. */
function follow (
  app: FastifyInstance,
  { store, pollInterval, timeout }: { store: MaintenanceStore, pollInterval: number, timeout: number },
  look: (load: () => Promise<MaintenanceState>) => Promise<void>
): void {
  const pluginTimeout = app.initialConfig.pluginTimeout!
  let timer: NodeJS.Timeout | undefined
  let isClosing = false
  let isLost = false
  // The calls of load() that have not returned, however long ago they were made.
  let loading = 0

  async function load (limit: number): Promise<MaintenanceState> {
    const call = (async () => await store.load())()
    const settled = () => { loading-- }
    loading++
    call.then(settled, settled)
    return restore(await withTimeLimit(call, limit, () => tooLate(limit)))
  }

  async function lookAgain (limit: number): Promise<void> {
    try {
      await look(() => load(limit))
      if (isLost) app.log.info('fastify-reason-phrase: the store of maintenance is back')
      isLost = false
    } catch (error) {
      if (!isLost && !isClosing) app.log.warn({ err: error }, 'fastify-reason-phrase: the store of maintenance cannot be read, so its last state stays')
      isLost = true
    }
    // Each further call that hangs doubles the pause, so that hanging calls do not pile up, and the store is still read.
    const pause = Math.min(pollInterval * 2 ** Math.max(loading - 1, 0), Math.max(pollInterval, LONGEST_PAUSE))
    if (!isClosing) timer = setTimeout(lookAgain, pause, timeout).unref()
  }

  // Fastify fails the start when a hook takes longer than its pluginTimeout.
  app.addHook('onReady', () => lookAgain(pluginTimeout > 0 ? Math.min(timeout, pluginTimeout / 2) : timeout))
  app.addHook('preClose', done => {
    isClosing = true
    clearTimeout(timer)
    done()
  })
}

/**
 * The Fastify plugin that takes a service offline for maintenance: every
 * request is answered with 503, its message and `Retry-After`, before its
 * body is read and before any hook of a plugin that is registered later.
 * Register it straight after `fastify-reason-phrase`.
 *
 * @throws {TypeError} for an option of the wrong type
 */
export default fp(maintenance, { fastify: '5.x', name: 'fastify-reason-phrase/maintenance', dependencies: ['fastify-reason-phrase'] })
