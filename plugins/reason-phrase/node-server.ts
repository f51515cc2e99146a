import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { answerIfAwaited, answerOnSocket, type ClientErrorListener } from '../../lib/client-error.js'
import { Contract } from '../../lib/contract.js'
import { replaceResponseClass, type Patcher } from '../../lib/response/install.js'
import { RETRY_AFTER_SECONDS } from '../../lib/service-unavailable.js'
import { recordRequestIds } from './closing-request-ids.js'
import { mayHaveExecuted } from './execution.js'
import { serverContract } from './server-options.js'
import { listUncoveredRoutes } from './uncovered-routes.js'
import { patchUpgrades } from './upgrades.js'

/** Servers already warned about missing `serverOptions()`. */
const warnedServers = new WeakSet<object>()

/** The part of a server's state that Fastify does not expose. */
interface ServerState {
  /** Whether the server closes. Fastify then sends 503, unless its option `return503OnClosing` is `false`. */
  isClosing: boolean
}

/**
 * Makes the server of a root instance keep the contract in responses that it sends before the hooks of the instance run. While
 * the server closes, these responses have `Retry-After`.
 */
export function prepareServer (app: FastifyInstance, contract: Contract, patch: Patcher): ServerState {
  const server: NodeJS.EventEmitter = app.server
  const state = { isClosing: false }
  app.addHook('preClose', done => {
    state.isClosing = true
    recordRequestIds(app)
    server.prependListener('request', (_request, response: ServerResponse) => { setRetryAfter(response) })
    done()
  })
  app.addHook('onReady', done => {
    const hasClass = serverContract(app) !== undefined || replaceResponseClass(server, contract)
    // Express changes the class of each response.
    const isForced = app.hasDecorator('express')
    if (isForced || !hasClass) server.prependListener('request', (_request, response: ServerResponse) => { patch(response, isForced) })
    done()
  })
  patchUpgrades(app, contract, response => {
    patch(response)
    if (state.isClosing) setRetryAfter(response)
  })
  server.on('unknownProtocol', socket => {
    if (server.listenerCount('unknownProtocol') === 1) answerOnSocket(contract, socket, 400, 'This server speaks HTTP/2 only', app.log)
  })
  return state
}

function setRetryAfter (response: ServerResponse): void {
  response.setHeader('retry-after', String(RETRY_AFTER_SECONDS))
}

/** Covers a server that was created without `serverOptions()` as far as that is possible, and logs a warning. */
export function warnAboutServer (app: FastifyInstance, contract: Contract): void {
  if (serverContract(app) !== undefined) return
  app.addHook('onReady', done => {
    if (warnedServers.has(app.server)) return done()
    warnedServers.add(app.server)
    wrapClientErrorListeners(app, contract)
    app.log.warn(`fastify-reason-phrase: this server was created without serverOptions(), so ${describeUncovered(app)}. Write: const app = Fastify(${showServerOptions(contract)})`)
    done()
  })
}

/** Returns what the plugin does not cover on a server without `serverOptions()`, as a part of a sentence. */
function describeUncovered (app: FastifyInstance): string {
  if (Object.hasOwn(app, 'server')) return 'malformed requests and bad URLs are not covered by the contract'
  const routes = listUncoveredRoutes(app)
  return 'malformed requests are not covered by the contract, and because the plugin is registered in a child context, ' +
    `neither are unknown paths${routes === '' ? '' : ` and the routes outside of it, whose errors keep their JSON bodies: ${routes}`}`
}

/** Returns the code that calls `serverOptions()` with the options of the contract. */
function showServerOptions (contract: Contract): string {
  const names = contract.findDifferences(new Contract()).map(({ name }) => name)
  return `serverOptions(options${names.length === 0 ? '' : `, { ${names.join(', ')} }`})`
}

/** Makes the existing `clientError` listeners keep the contract if the client awaits a response. */
function wrapClientErrorListeners ({ server, log }: { server: NodeJS.EventEmitter, log: FastifyInstance['log'] }, contract: Contract): void {
  const listeners = server.rawListeners('clientError') as ClientErrorListener[]
  server.removeAllListeners('clientError')
  const callListeners: ClientErrorListener = (error, socket) => { for (const listener of listeners) listener.call(server, error, socket) }
  server.on('clientError', (error, socket) => { answerIfAwaited(contract, error, socket, callListeners, mayHaveExecuted, log) })
}
