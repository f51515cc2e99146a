import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { Deferred } from '../../lib/deferred.js'
import type { Operation } from '../../lib/idempotency/operation.js'
import type { Answer, NewRecord } from '../../lib/idempotency/record.js'
import type { Outcome } from '../../lib/idempotency/refusals.js'
import { isServerError, isUnsuccessful } from '../../lib/status-codes.js'
import { isRecording } from '../reason-phrase/sent-payload.js'
import { toRejection, toSuccess } from './answer.js'
import { applyOutcome, applyRecord, markDecided, RefusalError, removeMarks } from './replay.js'

/**
 * How far an execution is.
 *
 * - `executing`: the handler runs in its transaction, or before the transaction that it shares.
 * - `settling`: the answer is there. It is recorded and committed.
 * - `succeeded`: the effects and the record of an answer below 400 are committed.
 * - `rejected`: the record of a 4xx is committed, without effects. Or the key is closed.
 * - `rolled-back`: nothing is committed.
 * - `failed`: the client cannot be told what was committed.
 */
export type Phase = 'executing' | 'settling' | 'succeeded' | 'rejected' | 'rolled-back' | 'failed'

/**
 * What can happen to an execution.
 *
 * - `success`, `rejection`, `failure`: an answer is sent, with a status code below 400, of 4xx, or of 5xx.
 * - `recovery`: an answer below 400 is sent after something was thrown.
 * - `commitSuccess`, `commitRejection`: the record of the key is committed, by this request or by another one.
 * - `abort`: the transaction has ended in another way, or the record is not known.
 * - `timeout`: the answer takes too long.
 * - `bypass`: somebody has answered by the raw response.
 */
export type ExecutionEvent = 'success' | 'rejection' | 'failure' | 'recovery' | 'commitSuccess' | 'commitRejection' | 'abort' | 'timeout' | 'bypass'

/**
 * What becomes of an answer.
 *
 * - `record`: it is recorded, and sent after the commit.
 * - `look`: it is sent as it is, unless another request has settled the key. Then the record of the key is sent.
 * - `send`: it is sent as it is.
 * - `deny`: it would contradict the transaction, so an error is sent instead.
 * - `drop`: it is not sent, because another answer is.
 */
type Action = 'record' | 'look' | 'send' | 'deny' | 'drop'

interface Transition {
  to: Phase
  action?: Action
}

type Transitions = { readonly [phase in Phase]: { readonly [event in ExecutionEvent]?: Transition } }

/**
 * The transition table: what each event does in each phase. An event without an entry comes too late, and is ignored.
 * `docs/how-it-works.md` shows this table.
 */
export const TRANSITIONS: Transitions = {
  executing: {
    success: { to: 'settling', action: 'record' },
    rejection: { to: 'settling', action: 'record' },
    failure: { to: 'rolled-back', action: 'send' },
    recovery: { to: 'rolled-back', action: 'deny' },
    // The handler has ended the transaction itself.
    abort: { to: 'failed' },
    timeout: { to: 'rolled-back' },
    bypass: { to: 'rolled-back' }
  },
  settling: {
    success: { to: 'settling', action: 'drop' },
    rejection: { to: 'settling', action: 'drop' },
    recovery: { to: 'settling', action: 'drop' },
    // For example, Fastify's handlerTimeout. It is sent at once, and the first answer never.
    failure: { to: 'failed', action: 'send' },
    commitSuccess: { to: 'succeeded' },
    commitRejection: { to: 'rejected' },
    abort: { to: 'failed' },
    timeout: { to: 'failed' }
  },
  succeeded: {
    success: { to: 'succeeded', action: 'drop' },
    rejection: { to: 'succeeded', action: 'deny' },
    recovery: { to: 'succeeded', action: 'deny' },
    failure: { to: 'succeeded', action: 'send' }
  },
  rejected: {
    success: { to: 'rejected', action: 'drop' },
    rejection: { to: 'rejected', action: 'send' },
    recovery: { to: 'rejected', action: 'deny' },
    failure: { to: 'rejected', action: 'send' }
  },
  'rolled-back': {
    success: { to: 'rolled-back', action: 'drop' },
    rejection: { to: 'rolled-back', action: 'send' },
    recovery: { to: 'rolled-back', action: 'deny' },
    failure: { to: 'rolled-back', action: 'send' }
  },
  failed: {
    success: { to: 'failed', action: 'deny' },
    rejection: { to: 'failed', action: 'deny' },
    recovery: { to: 'failed', action: 'deny' },
    failure: { to: 'failed', action: 'send' }
  }
}

/**
 * The transition table of an execution that shares a transaction. Nothing claims its key before the handler runs, so another
 * request may have settled the key when the handler fails.
 */
export const SHARED_TRANSITIONS: Transitions = {
  ...TRANSITIONS,
  executing: { ...TRANSITIONS.executing, failure: { to: 'settling', action: 'look' } }
}

/** Commits the effects of an operation together with a record. Resolves to whether the record was inserted, after the commit. */
export type Commit = (record: NewRecord) => Promise<boolean>

/** What an execution is about. */
export interface ExecutionContext {
  readonly contract: Contract
  /** The recorded header fields, the longest body in bytes, and the longest time in milliseconds. */
  readonly settings: { readonly headers: readonly string[], readonly maxBytes: number, readonly timeout: number }
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly operation: Operation
  readonly fingerprint: Buffer
  /** Whether the handler has no transaction of its own: it gives its effects to `request.commitWith()`. */
  readonly isShared: boolean
  /** Calls the handler of the route. */
  readonly callHandler: () => unknown
}

/** Rolls a transaction back. The answer is sent already, or is an error of its own. */
class RolledBack extends Error {}

/** The execution of an operation by a handler. */
export class Execution<T> {
  readonly context: ExecutionContext
  readonly #transitions: Transitions
  #phase: Phase = 'executing'
  #transaction: T | undefined
  #sharedCommit: Commit | undefined
  #record: NewRecord | undefined
  #timer: NodeJS.Timeout | undefined
  #startedAt: number | undefined
  /** Whether the handler has answered, or is going to answer by the reply. */
  #isAnswering = false
  #isTimedOut = false
  /** The status code of the answer that is sent, and its recorded fields if they are known. */
  #statusCode = 500
  #headers: Answer['headers'] | undefined
  #failure: unknown
  /** What the handler returns. */
  readonly #result = new Deferred<unknown>()
  /** What is recorded. It is rejected to roll back. */
  readonly #decision = new Deferred<NewRecord>()
  /**
   * What the key is settled with: the record of this request, or what another one has done. Undefined if that is not known,
   * and the answer is sent as it is. It stays pending if the answer is sent no more.
   */
  readonly #end = new Deferred<Outcome | undefined>()

  constructor (context: ExecutionContext) {
    this.context = context
    this.#transitions = context.isShared ? SHARED_TRANSITIONS : TRANSITIONS
  }

  /** When the handler was called, in milliseconds since 1970; undefined before. From then on, the execution answers the request. */
  get startedAt (): number | undefined {
    return this.#startedAt
  }

  /** What the handler returns, for Fastify. */
  get result (): Promise<unknown> {
    return this.#result.promise
  }

  /** The recorded answer; undefined before it is there. */
  get record (): NewRecord | undefined {
    return this.#record
  }

  /** What the handler gave to `request.commitWith()`; undefined if it has no effects. */
  get sharedCommit (): Commit | undefined {
    return this.#sharedCommit
  }

  /**
   * The transaction of the handler; undefined if it shares one.
   *
   * @throws {Error} after the answer, and after the transaction was rolled back
   */
  get transaction (): T | undefined {
    if (this.#phase !== 'executing' && !this.context.isShared) {
      throw new Error(`fastify-reason-phrase: the transaction of ${this.#routeName} has ended. Use request.transaction only before the answer is sent`)
    }
    return this.#transaction
  }

  /**
   * Keeps the function that commits the effects of the handler. It is called with the record of an answer below 400.
   *
   * @throws {Error} after the answer
   */
  commitWith (commit: Commit): void {
    if (this.#phase !== 'executing') {
      throw new Error(`fastify-reason-phrase: ${this.#routeName} has answered already. Call request.commitWith() before the answer is sent`)
    }
    this.#sharedCommit = commit
  }

  /**
   * Calls the handler.
   *
   * @param transaction undefined if the handler shares one
   * @returns the record of its answer
   * @throws to roll the transaction back
   */
  async execute (transaction: T | undefined): Promise<NewRecord> {
    this.#startedAt = Date.now()
    this.#transaction = transaction
    this.#observeReply()
    this.#timer = setTimeout(() => { this.#handleTimeout() }, this.context.settings.timeout)
    this.#result.resolve(this.#callHandler())
    return await this.#decision.promise
  }

  #observeReply (): void {
    const { reply } = this.context
    const { send, then } = reply
    const observedSend: FastifyReply['send'] = (...payload) => {
      this.#isAnswering = true
      return send.apply(reply, payload)
    }
    // An async handler returns the reply if it answers later.
    const observedThen: FastifyReply['then'] = (...callbacks) => {
      this.#isAnswering = true
      then.apply(reply, callbacks)
    }
    const refuseHijack = (): never => {
      throw new Error(`fastify-reason-phrase: ${this.#routeName} cannot hijack the reply to a request with an idempotency key. Use reply.send()`)
    }
    // V8 expects a function literal that is assigned to a property to live long. It would keep all objects of the request
    // until the next full garbage collection.
    reply.send = observedSend
    reply.then = observedThen
    reply.hijack = refuseHijack
    reply.raw.once('close', () => { this.#handleClose() })
  }

  async #callHandler (): Promise<unknown> {
    const { callHandler, reply } = this.context
    let payload: unknown
    try {
      const result = callHandler()
      // A handler that answers by a callback. The reply resolves at the end of the response.
      if (result === undefined) return reply
      payload = await result
    } catch (err) {
      if (!this.#isTimedOut) throw err
      reply.log.error({ err }, `fastify-reason-phrase: ${this.#routeName} failed after its timeout`)
    }
    // The error of the timeout is sent.
    if (this.#isTimedOut) return reply
    if (payload !== undefined) return payload
    // Fastify does not send it if the client has gone, and the transaction would not end.
    if (!this.#isAnswering) reply.send()
    return reply
  }

  #handleTimeout (): void {
    const { reply } = this.context
    const transition = this.#transitions[this.#phase].timeout
    if (transition === undefined) return
    this.#enter(transition.to)
    this.#isTimedOut = true
    this.#failure = new RefusalError(transition.to === 'rolled-back' ? 'timedOut' : 'commitUnknown')
    try {
      reply.send(this.#failure)
    } catch (err) {
      // An onError hook runs. The error that it handles is sent.
      reply.log.error({ err }, `fastify-reason-phrase: ${this.#routeName} took too long, and its error cannot be sent`)
    }
  }

  #handleClose (): void {
    const { reply } = this.context
    const transition = this.#transitions[this.#phase].bypass
    // Without an end, only the client has gone.
    if (transition === undefined || !reply.raw.writableEnded) return
    this.#enter(transition.to)
    reply.log.error(`fastify-reason-phrase: ${this.#routeName} answered past Fastify, so the effects of its idempotency key are rolled back. Use reply.send()`)
  }

  #enter (phase: Phase): void {
    this.#phase = phase
    if (phase === 'rolled-back') this.#decision.reject(new RolledBack())
  }

  /**
   * Decides what becomes of an answer. It is called by the first `onSend` hook of each answer.
   *
   * @returns the payload that is sent; undefined for the payload as it is
   */
  async recordAnswer (payload: unknown): Promise<unknown> {
    const { reply } = this.context
    const { to, action } = this.#transitions[this.#phase][classify(reply)]!
    if (action === 'record') return await this.#recordAndCommit(to, payload)
    this.#enter(to)
    if (action === 'drop') return await this.#drop()
    removeMarks(reply)
    if (action === 'deny') throw this.#createDenial()
    this.#statusCode = reply.statusCode
    return action === 'look' ? await this.#look() : undefined
  }

  async #recordAndCommit (to: Phase, payload: unknown): Promise<unknown> {
    const { reply } = this.context
    let record
    try {
      record = this.#createRecord(payload)
    } catch (error) {
      this.#enter('rolled-back')
      throw error
    }
    this.#enter(to)
    this.#record = record
    this.#statusCode = record.answer!.statusCode
    if (record.state === 'succeeded') this.#headers = record.answer!.headers
    this.#decision.resolve(record)
    const outcome = await this.#waitForEnd()
    // Another transaction has settled the key before.
    if (outcome !== record) return this.#replace(outcome!)
    if (record.state === 'rejected') {
      // As for a replay, so that both are the same.
      applyRecord(reply, record, false)
      return null
    }
    markDecided(reply, record.state, false)
    return undefined
  }

  /** Sends an answer as it is, unless another request has settled the key. */
  async #look (): Promise<unknown> {
    this.#decision.reject(new RolledBack())
    const outcome = await this.#end.promise
    return outcome === undefined ? undefined : this.#replace(outcome)
  }

  async #waitForEnd (): Promise<Outcome | undefined> {
    try {
      return await this.#end.promise
    } catch (error) {
      // The error has none of them. For example, the location is that of a resource that was not created.
      this.#removeRecordedFields()
      throw error
    }
  }

  /** Replaces an answer by that of the record, or by a refusal. Returns its payload. */
  #replace (outcome: Outcome): Buffer | null {
    const { reply, fingerprint } = this.context
    this.#removeRecordedFields()
    // An error can have set it.
    reply.removeHeader('retry-after')
    const body = applyOutcome(reply, outcome, fingerprint)
    this.#statusCode = reply.statusCode
    this.#headers = isUnsuccessful(reply.statusCode) ? {} : (outcome as NewRecord).answer!.headers
    return body ?? null
  }

  #removeRecordedFields (): void {
    const { reply, settings } = this.context
    for (const name of settings.headers) reply.removeHeader(name)
  }

  #createRecord (payload: unknown): NewRecord {
    const { contract, settings, reply, operation, fingerprint } = this.context
    return isUnsuccessful(reply.statusCode)
      ? { operation, fingerprint, state: 'rejected', answer: toRejection(reply, payload, contract) }
      : { operation, fingerprint, state: 'succeeded', answer: toSuccess(reply, payload, settings) }
  }

  /** Logs an answer that is not sent, and restores what it has changed. */
  async #drop (): Promise<never> {
    const { reply } = this.context
    reply.log.warn(`fastify-reason-phrase: ${this.#routeName} has answered already, so another answer with ${reply.statusCode} is dropped`)
    reply.code(this.#statusCode)
    if (this.#headers !== undefined) {
      this.#removeRecordedFields()
      reply.headers(this.#headers)
    }
    return await new Promise(() => {})
  }

  #createDenial (): unknown {
    const { reply } = this.context
    const denial = this.#failure ?? new Error(`fastify-reason-phrase: ${this.#routeName} cannot answer ${reply.statusCode} after an error, because its idempotency key has ${this.#phase}`)
    // Fastify does not read the status code of the last error.
    reply.code(this.#failure instanceof RefusalError ? this.#failure.statusCode : 500)
    return denial
  }

  /**
   * Reports what the key is settled with.
   *
   * @param outcome the record of this request if it is committed; otherwise what another request has done
   */
  commit (outcome: Outcome): void {
    if (this.#apply(toEvent(outcome))) this.#end.resolve(outcome)
  }

  /** Reports that the transaction was rolled back, or that the result of its commit is unknown. */
  abort (cause: unknown): void {
    if (!this.#apply('abort')) return
    // The handler has sent a 5xx.
    if (cause instanceof RolledBack) {
      this.#end.resolve(undefined)
      return
    }
    this.#failure = this.context.isShared ? toServerError(cause) : new RefusalError('commitUnknown', cause)
    this.#end.reject(this.#failure)
  }

  /** Applies the end of the transaction, and returns whether it is in time. */
  #apply (event: 'commitSuccess' | 'commitRejection' | 'abort'): boolean {
    clearTimeout(this.#timer)
    const transition = this.#transitions[this.#phase][event]
    if (transition !== undefined) this.#enter(transition.to)
    return transition !== undefined
  }

  get #routeName (): string {
    const { method, routeOptions } = this.context.request
    return `the route ${method} ${routeOptions.url!}`
  }
}

/** Returns the event of the end of a transaction. */
function toEvent (outcome: Outcome): 'commitSuccess' | 'commitRejection' | 'abort' {
  if (typeof outcome === 'string') return 'abort'
  return outcome.state === 'succeeded' ? 'commitSuccess' : 'commitRejection'
}

/** Returns the error that is sent for an error of {@link Commit}. With a 4xx, a client would take the operation as rejected. */
function toServerError (error: unknown): unknown {
  const { status, statusCode = status } = Object(error)
  return isUnsuccessful(statusCode) && !isServerError(statusCode)
    ? Object.assign(new Error(`fastify-reason-phrase: the function of request.commitWith() has failed with ${statusCode}, which is not recorded. Check the request before you answer`, { cause: error }), { statusCode: 500 })
    : error
}

/** Returns the event of an answer. */
function classify (reply: FastifyReply): 'success' | 'rejection' | 'failure' | 'recovery' {
  if (isServerError(reply.statusCode)) return 'failure'
  if (isUnsuccessful(reply.statusCode)) return 'rejection'
  return isRecording(reply) ? 'recovery' : 'success'
}
