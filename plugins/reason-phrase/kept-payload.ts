import type { FastifyInstance, FastifyReply, preSerializationHookHandler, RouteOptions } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'
import { isExempt, startSerializing } from '../../lib/response/state.js'
import { isUnsuccessful } from '../../lib/status-codes.js'
import { hasIgnoredSchemas } from './route-schemas.js'

const kPayload = Symbol('fastify-reason-phrase.kept-payload')

type WithPayload = FastifyReply & { [kPayload]?: unknown }

/** The description of the symbol under which Fastify keeps the hooks of an instance. */
const HOOKS = 'fastify.hooks'

/**
 * Keeps the payload of an error until the `onSend` hook, on routes where the serialized text is not enough: if a hook of
 * another plugin may change the text or throw before our `onSend` hook, or if a response schema was removed. Other routes get
 * no `preSerialization` hook, which would make each success slower.
 */
export function keepPayloads (app: FastifyInstance): void {
  // Hooks that were added before the plugin run before our hooks, and routes that were added before may have hooks too.
  if (hasHooks(app, 'onSend') || hasHooks(app, 'preSerialization') || hasRoutes(app)) {
    app.addHook('preSerialization', keepPayload)
    return
  }
  const { addHook } = app
  const instances = new WeakSet<FastifyInstance>()
  app.addHook = function (this: FastifyInstance, name: string, ...rest: unknown[]) {
    if (name === 'preSerialization' && !instances.has(this)) {
      instances.add(this)
      Reflect.apply(addHook, this, [name, keepPayload])
    }
    Reflect.apply(addHook, this, [name, ...rest])
    // An onRoute hook may add preSerialization hooks to a route, so check each route again after it.
    if (name === 'onRoute') Reflect.apply(addHook, this, [name, addToRoute])
    return this
  } as FastifyInstance['addHook']
  app.addHook('onRoute', addToRoute)
}

function addToRoute (route: RouteOptions): void {
  const { preSerialization = [], config } = route
  const hooks = Array.isArray(preSerialization) ? preSerialization : [preSerialization]
  if (hooks[0] !== keepPayload && (hooks.length > 0 || hasIgnoredSchemas(config))) route.preSerialization = [keepPayload, ...hooks]
}

function hasRoutes (app: FastifyInstance): boolean {
  return app.printRoutes().trim() !== '(empty tree)'
}

const keepPayload: preSerializationHookHandler<unknown> = function (_request, reply, payload, done) {
  startSerializing(reply.raw)
  // If this hook also ran for a parent instance, that call has already kept the original payload.
  if (isUnsuccessful(reply.statusCode) && !isExempt(reply.raw)) (reply as WithPayload)[kPayload] ??= payload
  done()
}

/** Returns the kept payload at the first call; undefined at later calls, and if no payload was kept. */
export function takeKeptPayload (reply: FastifyReply): unknown {
  const { [kPayload]: payload } = reply as WithPayload
  if (payload !== undefined) (reply as WithPayload)[kPayload] = undefined
  return payload
}

function hasHooks (app: FastifyInstance, name: 'onSend' | 'preSerialization'): boolean {
  const symbol = findSymbol(app, HOOKS)
  // If the hooks cannot be found in this version of Fastify, assume that there are some.
  return symbol === undefined || (app as unknown as Record<symbol, Record<string, unknown[]>>)[symbol]![name]!.length > 0
}
