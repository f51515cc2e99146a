/**
 * The plugin for idempotency keys: a repeated request takes effect once.
 *
 * @module fastify-reason-phrase/idempotency
 */
import type { FastifyInstance, FastifyRequest, RegisterOptions, RouteHandlerMethod, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { resolveOptions, type IdempotencyOptions as Options, type IdempotencySettings } from '../../lib/idempotency/options.js'
import type { NewRecord } from '../../lib/idempotency/record.js'
import { decorate } from '../reason-phrase/decorate.js'
import { markIdempotent } from '../reason-phrase/idempotent-routes.js'
import { isNotImplemented } from '../reason-phrase/not-implemented.js'
import { kSignatureAge, kVerify, type Verifying } from '../reason-phrase/permissions.js'
import { contractOf } from '../reason-phrase/registration.js'
import { createRouteError } from '../reason-phrase/route-name.js'
import { observeBody } from './body-digest.js'
import { Coordinator } from './coordinator.js'
import type { Execution } from './execution.js'
import { createContextReplacer } from './first-on-send.js'
import { KeyedRequests } from './keyed-requests.js'
import { addOutcomeRoutes } from './outcomes.js'
import { sendRefusal } from './replay.js'
import { Sweeper } from './sweep.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from '../reason-phrase/index.js'

export type { Operation } from '../../lib/idempotency/operation.js'
export type { IdempotencyOptions as IdempotencyOptionsOf } from '../../lib/idempotency/options.js'
export type { Answer, Claim, FinalState, NewRecord, StoredRecord } from '../../lib/idempotency/record.js'
export { toLiterals, toNumbered, toQuestionMarks, type ParameterizedQuery, type Value } from '../../lib/idempotency/statement.js'
export type { IdempotencyStore, Query, Records, Rows, Session, Statement } from '../../lib/idempotency/store.js'
export { createTableStatements } from '../../lib/idempotency/table.js'
export { combineRoundTrips, type KyselyPgClient, type KyselyPgPool } from './stores/combine-round-trips.js'
export { createTableMigration, type KyselyMigration } from './stores/kysely-migration.js'
export { kyselyStore, type KyselyDatabase, type KyselyExecutor, type KyselyStoreOptions } from './stores/kysely.js'
export { memoryStore, type MemoryTransaction } from './stores/memory.js'
export { pgStore, type PgClient, type PgPool } from './stores/pg.js'
export type { SqlStore, SqlStoreOptions } from './stores/sql-store.js'

/**
 * The types of your service. Declare the transaction of your store here, and `request.transaction` has its type:
 *
 *     declare module 'fastify-reason-phrase/idempotency' {
 *       interface Register { transaction: Transaction<Tables> }
 *     }
 */
export interface Register {}

/** The type of transaction that {@link Register} declares; `unknown` if it declares none. */
export type RegisteredTransaction = Register extends { transaction: infer T } ? T : unknown

/** Options of the plugin. */
export type IdempotencyOptions = Options<RegisteredTransaction, FastifyRequest>

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The transaction of a request with an idempotency key. The effects of the handler and the record of its response are
     * committed together. Undefined for a request without a key, and on a route with `transaction: 'shared'`. Reading this
     * property throws after the response.
     */
    readonly transaction: RegisteredTransaction | undefined
    /**
     * Commits the effects of the handler, on a route with `transaction: 'shared'`.
     *
     * Without a key, `commit` is called at once, without a record, and its result is ignored. With a key, `commit` is called
     * after the handler has sent a response with a status code below 400. It gets the complete record of that response. It must
     * insert the record and execute the effects in one transaction, or do nothing if the key of the record was used before. The
     * handler must have no other effects.
     *
     * @param commit resolves to whether the record was inserted, after the commit. With a key, an error of `commit` is sent
     *   instead of the response
     * @throws what `commit` throws for a request without a key
     * @throws {Error} if the route has no `transaction: 'shared'`, or if this method is called twice, before the handler, or
     *   after the response
     */
    commitWith (commit: (record: NewRecord | undefined) => Promise<boolean>): Promise<void>
  }
}

type Settings = IdempotencySettings<RegisteredTransaction, FastifyRequest>

const kExecution = Symbol('fastify-reason-phrase.execution')

const kHasCommit = Symbol('fastify-reason-phrase.has-commit')

type KeyedRequest = FastifyRequest & { [kExecution]?: Execution<RegisteredTransaction>, [kHasCommit]?: true }

async function idempotency (app: FastifyInstance, { prefix, logLevel, logSerializers, ...options }: RegisterOptions & IdempotencyOptions): Promise<void> {
  const settings = resolveOptions(options)
  checkPoolSize(settings)
  const replaceContext = createContextReplacer(app, async (request, _reply, payload) => await (request as KeyedRequest)[kExecution]!.recordAnswer(payload))
  const coordinator = new Coordinator({ ...settings, scope: settings.scope ?? getKeyId })
  const keyedRequests = new KeyedRequests(settings, coordinator, contractOf(app)!, (request, execution) => {
    (request as KeyedRequest)[kExecution] = execution
    replaceContext(request)
  })

  const operations: RouteOptions[] = []

  checkVerification(app, settings)
  logStore(app, settings)
  new Sweeper(app, settings.store, settings.retention).addHooks()
  decorate(app, 'request', 'transaction', {
    getter (this: KeyedRequest) { return this[kExecution]?.transaction }
  })
  decorate(app, 'request', 'commitWith', commitWith)
  app.addHook('onRoute', route => {
    const { idempotency, signature } = route.config ?? {}
    if (idempotency === undefined) return
    markIdempotent(route)
    operations.push(route)
    // app.notImplemented does nothing, and is recognized by its identity.
    if (isNotImplemented(route)) return
    if (signature === false && settings.scope === undefined) {
      throw createRouteError(route, 'config.idempotency needs to know the caller of a request, but config.signature is false. Remove one of them, or set the option scope of idempotency')
    }
    const { handler } = route
    const keyedHandler: RouteHandlerMethod = function (request, reply) {
      if (request.headers['idempotency-key'] !== undefined) {
        // An onRoute hook that ran later may have changed the config.
        return keyedRequests.answer(request, reply, route.config!.transaction === 'shared', () => handler.call(this, request, reply))
      }
      return idempotency === 'required' ? sendRefusal(reply, 'keyMissing') : handler.call(this, request, reply)
    }
    // Other plugins read the name, for example for their traces.
    route.handler = Object.defineProperty(keyedHandler, 'name', { value: handler.name, configurable: true })
    route.onRequest = [...[route.onRequest ?? []].flat(), observeBody]
  })
  if (settings.outcomes !== undefined) addOutcomeRoutes(app, settings.outcomes, { store: settings.store, coordinator, operations })
}

async function commitWith (this: KeyedRequest, commit: (record: NewRecord | undefined) => Promise<boolean>): Promise<void> {
  const route = this.routeOptions
  if (route.config.transaction !== 'shared') throw createRouteError(route, "request.commitWith() needs config.transaction: 'shared'. Add it to the route, or use request.transaction")
  if (this[kHasCommit]) throw createRouteError(route, 'request.commitWith() was called twice for one request. Call it once, with one function that commits all effects')
  this[kHasCommit] = true
  if (this.headers['idempotency-key'] === undefined) {
    await commit(undefined)
    return
  }
  const execution = this[kExecution]
  if (execution === undefined) throw createRouteError(route, 'request.commitWith() was called before the handler. Call it in the handler')
  execution.commitWith(commit)
}

/** @throws {Error} if requests with a key could take all connections of the pool */
function checkPoolSize ({ maxInFlight, store: { poolSize } }: Settings): void {
  if (poolSize !== undefined && poolSize <= maxInFlight) {
    throw new Error(`fastify-reason-phrase: option maxInFlight of idempotency is ${maxInFlight}, but it must be less than the size of the connection pool, which is ${poolSize}. Lower maxInFlight, or enlarge the pool`)
  }
}

function logStore (app: FastifyInstance, { store: { description } }: Settings): void {
  if (description === undefined) return
  app.addHook('onReady', done => {
    app.log.info(`fastify-reason-phrase: ${description}`)
    done()
  })
}

/** Fails the start of a service that cannot identify its callers, or that accepts a signature longer than it keeps a record. */
function checkVerification (app: Verifying, { scope, retention }: Settings): void {
  // The signature plugin may be registered later.
  app.addHook('onReady', done => {
    if (scope === undefined && app[kVerify] === undefined) {
      return done(new Error('fastify-reason-phrase: an idempotency key belongs to one caller, but no plugin identifies the caller of a request. Register fastify-reason-phrase/signature, or set the option scope of idempotency'))
    }
    const { maxAge, clockSkew } = app[kSignatureAge] ?? { maxAge: 0, clockSkew: 0 }
    done(retention > maxAge + clockSkew
      ? undefined
      : new Error(`fastify-reason-phrase: option retention of idempotency is ${retention} seconds, but it must be more than maxAge + clockSkew of signature, which are ${maxAge + clockSkew} seconds. Otherwise, a copy of a signed request could be executed again after its record is removed`))
  })
}

/** Returns the id of the key that signed a request. */
function getKeyId (request: FastifyRequest): string {
  return (request as { key?: { id: string } }).key!.id
}

/**
 * The Fastify plugin for idempotency keys: a request with an `Idempotency-Key` takes effect once. The record of the response
 * is committed in the same transaction as the effects. A retry gets the recorded response.
 */
export default fp(idempotency, { fastify: '5.x', name: 'fastify-reason-phrase/idempotency', dependencies: ['fastify-reason-phrase'] })
