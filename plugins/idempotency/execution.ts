import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { Deferred } from '../../lib/deferred.js'
import type { Operation } from '../../lib/idempotency/operation.js'
import type { Answer, NewRecord } from '../../lib/idempotency/record.js'
import type { Outcome } from '../../lib/idempotency/refusals.js'
import { isServerError, isUnsuccessful } from '../../lib/status-codes.js'
import { describeRouteOf } from '../reason-phrase/route-name.js'
import { isRecording } from '../reason-phrase/sent-payload.js'
import { toRejection, toSuccess } from './answer.js'
import { applyOutcome, applyRecord, markDecided, RefusalError, removeMarks } from './replay.js'

/**
 * The phase of an execution.
 *
 * - `executing`: the handler runs, in its own transaction or before the shared one.
 * - `settling`: the handler has sent its response, which is being recorded and committed.
 * - `succeeded`: the effects and the record of a response below 400 are committed.
 * - `rejected`: the record of a 4xx is committed without effects, or the key is closed.
 * - `rolled-back`: nothing is committed.
 * - `failed`: the response cannot tell the client what was committed.
 */
export type Phase = 'executing' | 'settling' | 'succeeded' | 'rejected' | 'rolled-back' | 'failed'

/**
 * An event of an execution.
 *
 * - `success`, `rejection`, `failure`: a response below 400, a 4xx or a 5xx is sent.
 * - `recovery`: a response below 400 is sent after an error was thrown.
 * - `commitSuccess`, `commitRejection`: the record of the key is committed, by this request or by another one.
 * - `abort`: the transaction has ended in another way, or the record is not known.
 * - `timeout`: the execution has taken longer than the option `timeout`.
 * - `bypass`: the handler has ended the raw response, without Fastify.
 */
export type ExecutionEvent = 'success' | 'rejection' | 'failure' | 'recovery' | 'commitSuccess' | 'commitRejection' | 'abort' | 'timeout' | 'bypass'

/**
 * What happens to a response.
 *
 * - `record`: the response is recorded, and sent after the commit.
 * - `look`: the response is sent unchanged, unless another request has settled the key. Then the recorded response is sent.
 * - `send`: the response is sent unchanged.
 * - `deny`: the response would contradict the transaction, so an error is sent instead.
 * - `drop`: the response is not sent, because an earlier response is.
 */
type Action = 'record' | 'look' | 'send' | 'deny' | 'drop'

interface Transition {
  to: Phase
  action?: Action
}

type Transitions = { readonly [phase in Phase]: { readonly [event in ExecutionEvent]?: Transition } }

/**
 * The transition table: the next phase, and what happens to the response. An event without an entry comes too late, and is
 * ignored. `docs/how-it-works.md` shows this table.
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
    // For example, the error of Fastify's handlerTimeout: it is sent at once, and the first response is never sent.
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

/** The request and the reply of an execution, and its settings. */
export interface ExecutionContext {
  readonly contract: Contract
  /** The names of the recorded header fields, the longest body in bytes, and the timeout in milliseconds. */
  readonly settings: { readonly headers: readonly string[], readonly maxBytes: number, readonly timeout: number }
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly operation: Operation
  readonly fingerprint: Buffer
  /** Whether the handler shares a transaction: it commits its effects with `request.commitWith()`. */
  readonly isShared: boolean
  /** Calls the handler of the route. */
  readonly callHandler: () => unknown
}

/** Thrown to roll a transaction back, after the response was decided. No client gets this error. */
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
  /** Whether the handler has called `reply.send()`, or is going to call it after it returns. */
  #isAnswering = false
  #isTimedOut = false
  /** The status code of the response that is sent, and its recorded header fields if they are known. */
  #statusCode = 500
  #headers: Answer['headers'] | undefined
  #failure: unknown
  /** The result of the handler. */
  readonly #result = new Deferred<unknown>()
  /** The record to commit. Rejecting it rolls the transaction back. */
  readonly #decision = new Deferred<NewRecord>()
  /**
   * The outcome of the key: the record of this request or of another one, or a refusal. Undefined if the response is sent
   * unchanged. Stays pending if the response is no longer sent.
   */
  readonly #end = new Deferred<Outcome | undefined>()

  constructor (context: ExecutionContext) {
    this.context = context
    this.#transitions = context.isShared ? SHARED_TRANSITIONS : TRANSITIONS
  }

  /** When the handler was called, in milliseconds since 1970; undefined before. From then on, the execution sends the response. */
  get startedAt (): number | undefined {
    return this.#startedAt
  }

  /** The result of the handler, for Fastify. */
  get result (): Promise<unknown> {
    return this.#result.promise
  }

  /** The record of the response; undefined before the handler has sent one. */
  get record (): NewRecord | undefined {
    return this.#record
  }

  /** The function that the handler passed to `request.commitWith()`; undefined if it has called no such function. */
  get sharedCommit (): Commit | undefined {
    return this.#sharedCommit
  }

  /**
   * The transaction of the handler; undefined if it shares one.
   *
   * @throws {Error} after the handler has sent a response, and after the transaction was rolled back
   */
  get transaction (): T | undefined {
    if (this.#phase !== 'executing' && !this.context.isShared) {
      throw new Error(this.#describe('request.transaction was used after the transaction had ended. Use it only before the response is sent'))
    }
    return this.#transaction
  }

  /**
   * Keeps the function that commits the effects of the handler. The function is called with the record of a response below 400.
   *
   * @throws {Error} after the handler has sent a response, and after the timeout
   */
  commitWith (commit: Commit): void {
    if (this.#phase !== 'executing') {
      throw new Error(this.#describe('request.commitWith() was called after the response. Call it before the response is sent'))
    }
    this.#sharedCommit = commit
  }

  /**
   * Calls the handler.
   *
   * @param transaction undefined if the handler shares one
   * @returns the record of its response
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
    // An async handler that calls reply.send() later returns the reply, and Fastify awaits it.
    const observedThen: FastifyReply['then'] = (...callbacks) => {
      this.#isAnswering = true
      then.apply(reply, callbacks)
    }
    const refuseHijack = (): never => {
      throw new Error(this.#describe('reply.hijack() was called for a request with an idempotency key, whose response must be recorded. Use reply.send()'))
    }
    // Assign constants: V8 expects a function literal that is assigned to a property to live long, and would keep all objects
    // of the request until the next full garbage collection.
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
      // The handler calls reply.send() in a callback. The reply resolves at the end of the response.
      if (result === undefined) return reply
      payload = await result
    } catch (err) {
      if (!this.#isTimedOut) throw err
      reply.log.error({ err }, this.#describe('the handler threw an error after its timeout. The client got the error of the timeout'))
    }
    // The error of the timeout is being sent.
    if (this.#isTimedOut) return reply
    if (payload !== undefined) return payload
    // Fastify sends no undefined payload if the client has disconnected. Without a response, the transaction would not end.
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
      // An onError hook is running, so Fastify sends the error of this hook.
      reply.log.error({ err }, this.#describe('the handler exceeded the option timeout of idempotency, but another error is being sent'))
    }
  }

  #handleClose (): void {
    const { reply } = this.context
    const transition = this.#transitions[this.#phase].bypass
    // If the response has no end, only the client has disconnected.
    if (transition === undefined || !reply.raw.writableEnded) return
    this.#enter(transition.to)
    reply.log.error(this.#describe('the handler ended the raw response, so its transaction is rolled back. Use reply.send()'))
  }

  #enter (phase: Phase): void {
    this.#phase = phase
    if (phase === 'rolled-back') this.#decision.reject(new RolledBack())
  }

  /**
   * Decides what happens to a response. The first `onSend` hook of each response calls this method.
   *
   * @returns the payload to send; undefined to send the given payload
   * @throws the error to send instead of the response
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
    // Another transaction has settled the key first.
    if (outcome !== record) return this.#replace(outcome!)
    if (record.state === 'rejected') {
      // A replay applies the record too, so both responses are the same.
      applyRecord(reply, record, false)
      return null
    }
    markDecided(reply, record.state, false)
    return undefined
  }

  /** Waits for the outcome of the key. Returns the payload of another request's record; undefined if there is no such record. */
  async #look (): Promise<unknown> {
    this.#decision.reject(new RolledBack())
    const outcome = await this.#end.promise
    return outcome === undefined ? undefined : this.#replace(outcome)
  }

  async #waitForEnd (): Promise<Outcome | undefined> {
    try {
      return await this.#end.promise
    } catch (error) {
      // The recorded header fields describe a success that did not happen, for example the Location of a new resource.
      this.#removeRecordedFields()
      throw error
    }
  }

  /** Replaces the response by the recorded one, or by a refusal. Returns the new payload. */
  #replace (outcome: Outcome): Buffer | null {
    const { reply, fingerprint } = this.context
    this.#removeRecordedFields()
    // The replaced error may have set Retry-After.
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

  /** Logs a response that is not sent, and restores the status code and header fields of the first response. Never resolves. */
  async #drop (): Promise<never> {
    const { reply } = this.context
    reply.log.warn(this.#describe(`a second response, with the status code ${reply.statusCode}, is dropped. Send one response for each request`))
    reply.code(this.#statusCode)
    if (this.#headers !== undefined) {
      this.#removeRecordedFields()
      reply.headers(this.#headers)
    }
    return await new Promise(() => {})
  }

  #createDenial (): unknown {
    const { reply } = this.context
    const denial = this.#failure ?? new Error(this.#describe(`after an error, the status code ${reply.statusCode} would contradict the operation of the idempotency key, which is ${this.#phase}. Let the error handler send a 5xx`))
    // If no error handler is left, Fastify does not read the status code of the error.
    reply.code(this.#failure instanceof RefusalError ? this.#failure.statusCode : 500)
    return denial
  }

  /**
   * Reports the outcome of the key.
   *
   * @param outcome the record of this request if it is committed; otherwise the record of another request, or a refusal
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

  /** Applies the end of the transaction. Returns false if the event comes too late. */
  #apply (event: 'commitSuccess' | 'commitRejection' | 'abort'): boolean {
    clearTimeout(this.#timer)
    const transition = this.#transitions[this.#phase][event]
    if (transition !== undefined) this.#enter(transition.to)
    return transition !== undefined
  }

  #describe (problem: string): string {
    return describeRouteOf(this.context.request, problem)
  }
}

/** Returns the event of the end of a transaction. */
function toEvent (outcome: Outcome): 'commitSuccess' | 'commitRejection' | 'abort' {
  if (typeof outcome === 'string') return 'abort'
  return outcome.state === 'succeeded' ? 'commitSuccess' : 'commitRejection'
}

/** Returns the error to send for an error of {@link Commit}. With a 4xx, a client would assume that the rejection is recorded. */
function toServerError (error: unknown): unknown {
  const { status, statusCode = status } = Object(error)
  return isUnsuccessful(statusCode) && !isServerError(statusCode)
    ? Object.assign(new Error(`fastify-reason-phrase: the function given to request.commitWith() threw an error with the status code ${statusCode}. 500 is sent, because a rejection cannot be recorded after the handler. Check the request in the handler`, { cause: error }), { statusCode: 500 })
    : error
}

/** Returns the event of a response. */
function classify (reply: FastifyReply): 'success' | 'rejection' | 'failure' | 'recovery' {
  if (isServerError(reply.statusCode)) return 'failure'
  if (isUnsuccessful(reply.statusCode)) return 'rejection'
  return isRecording(reply) ? 'recovery' : 'success'
}
