import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { Deferred } from '../../lib/deferred.js'
import type { Operation } from '../../lib/idempotency/operation.js'
import type { Claim, NewRecord } from '../../lib/idempotency/record.js'
import { isServerError, isUnsuccessful } from '../../lib/status-codes.js'
import { isRecording } from '../reason-phrase/sent-payload.js'
import { toRejection, toSuccess } from './answer.js'
import { applyOutcome, applyRecord, markDecided, RefusalError, removeMarks } from './replay.js'

/**
 * How far an execution is.
 *
 * - `executing`: the handler runs in its transaction.
 * - `settling`: the answer is there. It is recorded and committed.
 * - `succeeded`: the effects and the record of an answer below 400 are committed.
 * - `rejected`: the record of a 4xx is committed, without effects.
 * - `rolled-back`: nothing is committed.
 * - `failed`: the client cannot be told what was committed.
 */
export type Phase = 'executing' | 'settling' | 'succeeded' | 'rejected' | 'rolled-back' | 'failed'

/**
 * What can happen to an execution.
 *
 * - `success`, `rejection`, `failure`: an answer is sent, with a status code below 400, of 4xx, or of 5xx.
 * - `recovery`: an answer below 400 is sent after something was thrown.
 * - `commitSuccess`, `commitRejection`: the transaction is committed.
 * - `abort`: the transaction has ended in another way.
 * - `timeout`: the answer takes too long.
 * - `bypass`: somebody has answered by the raw response.
 */
export type ExecutionEvent = 'success' | 'rejection' | 'failure' | 'recovery' | 'commitSuccess' | 'commitRejection' | 'abort' | 'timeout' | 'bypass'

/**
 * What becomes of an answer.
 *
 * - `record`: it is recorded, and sent after the commit.
 * - `send`: it is sent as it is.
 * - `deny`: it would contradict the transaction, so an error is sent instead.
 * - `drop`: it is not sent, because another answer is.
 */
type Action = 'record' | 'send' | 'deny' | 'drop'

interface Transition {
  to: Phase
  action?: Action
}

/**
 * The transition table: what each event does in each phase. An event without an entry comes too late, and is ignored.
 * `docs/how-it-works.md` shows this table.
 */
export const TRANSITIONS: { readonly [phase in Phase]: { readonly [event in ExecutionEvent]?: Transition } } = {
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

/** What an execution is about. */
export interface ExecutionContext {
  readonly contract: Contract
  /** The recorded header fields, the longest body in bytes, and the longest time in milliseconds. */
  readonly settings: { readonly headers: readonly string[], readonly maxBytes: number, readonly timeout: number }
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly operation: Operation
  readonly fingerprint: Buffer
  /** Calls the handler of the route. */
  readonly callHandler: () => unknown
}

/** Rolls a transaction back. The answer is sent already, or is an error of its own. */
class RolledBack extends Error {}

/** The execution of an operation by a handler. */
export class Execution<T> {
  readonly context: ExecutionContext
  #phase: Phase = 'executing'
  #transaction: T | undefined
  #record: NewRecord | undefined
  #timer: NodeJS.Timeout | undefined
  #hasBegun = false
  /** Whether the handler has answered, or is going to answer by the reply. */
  #isAnswering = false
  #isTimedOut = false
  /** The status code of the answer that is sent. */
  #statusCode = 500
  #failure: RefusalError | undefined
  /** What the handler returns. */
  readonly #result = new Deferred<unknown>()
  /** What is recorded. It is rejected to roll back. */
  readonly #decision = new Deferred<NewRecord>()
  /** How the transaction has ended. It stays pending if its answer is sent no more. */
  readonly #end = new Deferred<Claim>()

  constructor (context: ExecutionContext) {
    this.context = context
  }

  /** Whether the handler was called. From then on, the execution answers the request. */
  get hasBegun (): boolean {
    return this.#hasBegun
  }

  /** What the handler returns, for Fastify. */
  get result (): Promise<unknown> {
    return this.#result.promise
  }

  /** The recorded answer; undefined before it is there. */
  get record (): NewRecord | undefined {
    return this.#record
  }

  /**
   * The transaction of the handler.
   *
   * @throws {Error} after the answer, and after the transaction was rolled back
   */
  get transaction (): T {
    if (this.#phase !== 'executing') {
      throw new Error(`fastify-reason-phrase: the transaction of ${this.#routeName} has ended. Use request.transaction only before the answer is sent`)
    }
    return this.#transaction!
  }

  /**
   * Calls the handler.
   *
   * @returns the record of its answer
   * @throws to roll the transaction back
   */
  async execute (transaction: T): Promise<NewRecord> {
    this.#hasBegun = true
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
    const transition = TRANSITIONS[this.#phase].timeout
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
    const transition = TRANSITIONS[this.#phase].bypass
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
    const { to, action } = TRANSITIONS[this.#phase][classify(reply)]!
    if (action === 'record') return await this.#recordAndCommit(to, payload)
    this.#enter(to)
    if (action === 'drop') return await this.#drop()
    removeMarks(reply)
    if (action === 'deny') throw this.#createDenial()
    this.#statusCode = reply.statusCode
    return undefined
  }

  async #recordAndCommit (to: Phase, payload: unknown): Promise<unknown> {
    const { reply, settings, fingerprint } = this.context
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
    this.#decision.resolve(record)
    const claim = await this.#end.promise
    if (claim.type !== 'new') {
      // Another transaction has settled the key before the rejection was recorded.
      for (const name of settings.headers) reply.removeHeader(name)
      return applyOutcome(reply, claim.type === 'settled' ? claim.record : 'executing', fingerprint) ?? null
    }
    if (record.state === 'rejected') {
      // As for a replay, so that both are the same.
      applyRecord(reply, record, false)
      return null
    }
    markDecided(reply, record.state, false)
    return undefined
  }

  #createRecord (payload: unknown): NewRecord {
    const { contract, settings, reply, operation, fingerprint } = this.context
    return isUnsuccessful(reply.statusCode)
      ? { operation, fingerprint, state: 'rejected', answer: toRejection(reply, payload, contract) }
      : { operation, fingerprint, state: 'succeeded', answer: toSuccess(reply, payload, settings) }
  }

  /** Logs an answer that is not sent, and restores what it has changed. */
  async #drop (): Promise<never> {
    const { reply, settings } = this.context
    reply.log.warn(`fastify-reason-phrase: ${this.#routeName} has answered already, so another answer with ${reply.statusCode} is dropped`)
    reply.code(this.#statusCode)
    if (this.#record?.state === 'succeeded') {
      for (const name of settings.headers) reply.removeHeader(name)
      reply.headers(this.#record.answer!.headers)
    }
    return await new Promise(() => {})
  }

  #createDenial (): Error {
    const { statusCode } = this.context.reply
    return this.#failure ?? Object.assign(
      new Error(`fastify-reason-phrase: ${this.#routeName} cannot answer ${statusCode} after an error, because its idempotency key has ${this.#phase}`),
      { statusCode: 500 })
  }

  /**
   * Reports that the transaction is committed.
   *
   * @param claim `new` if the answer was recorded
   */
  commit (claim: Claim): void {
    if (this.#record === undefined) this.abort(new Error('The transaction was committed before the answer'))
    else if (this.#apply(this.#record.state === 'succeeded' ? 'commitSuccess' : 'commitRejection')) this.#end.resolve(claim)
  }

  /** Reports that the transaction was rolled back, or that the result of its commit is unknown. */
  abort (cause: unknown): void {
    if (!this.#apply('abort')) return
    this.#failure = new RefusalError('commitUnknown', cause)
    this.#end.reject(this.#failure)
  }

  /** Applies the end of the transaction, and returns whether it is in time. */
  #apply (event: 'commitSuccess' | 'commitRejection' | 'abort'): boolean {
    clearTimeout(this.#timer)
    const transition = TRANSITIONS[this.#phase][event]
    if (transition !== undefined) this.#enter(transition.to)
    return transition !== undefined
  }

  get #routeName (): string {
    const { method, routeOptions } = this.context.request
    return `the route ${method} ${routeOptions.url!}`
  }
}

/** Returns the event of an answer. */
function classify (reply: FastifyReply): 'success' | 'rejection' | 'failure' | 'recovery' {
  if (isServerError(reply.statusCode)) return 'failure'
  if (isUnsuccessful(reply.statusCode)) return 'rejection'
  return isRecording(reply) ? 'recovery' : 'success'
}
