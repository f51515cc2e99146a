import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createPatcher } from '../../lib/response/install.js'
import { setReply } from '../../lib/response/state.js'
import { decorateReply } from './decorators.js'
import { trackExecution } from './execution.js'
import { observeFrameworkLines } from './framework-lines.js'
import { checkIdempotentRoutes } from './idempotent-routes.js'
import { onIncomingRequest } from './incoming-request.js'
import { keepPayloads } from './kept-payload.js'
import { prepareServer, warnAboutServer } from './node-server.js'
import { decorateNotImplemented } from './not-implemented.js'
import { onError } from './on-error.js'
import { onSend } from './on-send.js'
import { checkPermissions } from './permissions.js'
import { register, type ReasonPhraseOptions } from './registration.js'
import { checkRouteConfig } from './route-config.js'
import { checkRoutes } from './route-schemas.js'
import { warnAboutEarlierRoutes } from './uncovered-routes.js'

export { contractOf, type ReasonPhraseOptions } from './registration.js'

// The compiler drops an import that no type needs. These add to Fastify's own types.
export type {} from './decorators.js'
export type {} from './idempotent-routes.js'
export type {} from './not-implemented.js'
export type {} from './permissions.js'
export type {} from './route-schemas.js'

// The function is async, so that an error rejects register() instead of ending the process.
async function reasonPhrase (app: FastifyInstance, options: ReasonPhraseOptions): Promise<void> {
  const registration = register(app, options)
  if (registration === undefined) return
  const { contract, routeOptions } = registration
  warnAboutEarlierRoutes(app)
  const patch = createPatcher(contract)

  decorateReply(app, contract)
  decorateNotImplemented(app)
  checkRoutes(app, contract, routeOptions)
  checkRouteConfig(app)
  checkPermissions(app)
  checkIdempotentRoutes(app)
  trackExecution(app)
  keepPayloads(app)
  // Only the root instance owns the server, so only a plugin that is registered there may change the server.
  const server = Object.hasOwn(app, 'server') ? prepareServer(app, contract, patch) : undefined
  onIncomingRequest(app, reply => {
    patch(reply.raw)
    setReply(reply.raw, reply)
    // prepareServer() has set it for Fastify's 503. With return503OnClosing: false, Fastify still routes the request.
    if (server?.isClosing) reply.raw.removeHeader('retry-after')
  })
  observeFrameworkLines(app)
  app.addHook('onError', onError)
  app.addHook('onSend', function onSendHook (request, reply, payload, done) { return onSend(contract, request, reply, payload, done) })
  warnAboutServer(app, contract)
}

/**
 * The Fastify plugin that makes every response of a service keep the contract of `docs/contract.md`, from routing on.
 * {@link serverOptions} covers the responses before routing.
 */
export default fp(reasonPhrase, { fastify: '5.x', name: 'fastify-reason-phrase' })
