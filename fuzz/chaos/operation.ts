import type { KeyedResult } from '../../client/index.js'
import type { Random } from '../random.js'
import { pickFate, pickLuck, type Fate, type Luck } from './fates.js'

/**
 * The kinds of operations:
 *
 * - `create` creates a topic.
 * - `refuse` tries to create an invalid topic, which the service rejects.
 * - `message` sends a message to a topic.
 * - `delete` deletes a topic.
 */
export type Kind = 'create' | 'refuse' | 'message' | 'delete'

/** The request of an operation. */
export interface OperationRequest {
  readonly method: string
  readonly path: string
  readonly body?: object | undefined
}

/** The ids in a response body that identify the effect. */
export interface OperationBody {
  readonly topicId?: string
  readonly messageId?: string
}

/** A result of the client. */
export type OperationResult = KeyedResult<OperationBody>

/** An operation of a consumer, with its history and its results. */
export class Operation {
  readonly key: string
  readonly kind: Kind
  readonly request: OperationRequest
  /** The name under which `readEffects()` returns the effects of the operation. */
  readonly subject: string
  readonly random: Random
  readonly #luck: Luck
  readonly #history: string[] = []
  readonly #results: OperationResult[] = []

  /**
   * @param key the idempotency key, which also identifies the operation in the database
   * @param topicId the topic of a message, or the topic to delete
   */
  constructor (kind: Kind, key: string, random: Random, topicId = '') {
    this.kind = kind
    this.key = key
    this.random = random
    this.#luck = pickLuck(random)
    this.request = REQUESTS[kind](key, topicId)
    this.subject = kind === 'delete' ? `deletion of ${topicId}` : key
  }

  /** Picks the fate of the next request that executes the operation, or that closes its key. */
  pickFate (isClosing: boolean): Fate {
    return pickFate(this.random, this.#luck, isClosing)
  }

  /** Adds an event to the history, with the current time. */
  note (event: string): void {
    this.#history.push(`${(performance.now() / 1000).toFixed(3)} s ${event}`)
  }

  /** Adds a result of the client. */
  addResult (call: 'call' | 'settle', result: OperationResult): void {
    this.#results.push(result)
    const { outcome, status = '', attempts } = result
    this.note(`the client's ${call}(): ${outcome} ${status} after ${attempts} attempts${result.outcome === 'success' ? '' : `: ${result.reason}`}`)
  }

  /** The first result with a final outcome. Undefined while the outcome is unknown. */
  get result (): OperationResult | undefined {
    return this.#results.find(({ outcome }) => outcome !== 'unknown')
  }

  get history (): readonly string[] {
    return this.#history
  }

  get attempts (): number {
    return this.#results.reduce((sum, { attempts }) => sum + attempts, 0)
  }

  /**
   * Returns how the results contradict each other or the effects. Undefined if they are consistent.
   *
   * @param effects the ids of the topics or messages that are in the database
   */
  findViolation (effects: readonly string[]): string | undefined {
    const { result } = this
    if (result === undefined) return 'its outcome is unknown'
    const other = this.#results.find(({ outcome }) => outcome !== 'unknown' && outcome !== result.outcome)
    if (other !== undefined) return `its first outcome is ${result.outcome}, but a later one is ${other.outcome}`
    if (effects.length !== (result.outcome === 'success' ? 1 : 0)) return `its outcome is ${result.outcome}, but the number of its effects is ${effects.length}`
    if (result.outcome !== 'success') return undefined
    const { topicId, messageId = topicId } = result.body
    return messageId === effects[0] ? undefined : `its response contains the id ${messageId}, but the id in the database is ${effects[0]}`
  }
}

const REQUESTS: Record<Kind, (key: string, topicId: string) => OperationRequest> = {
  create: key => ({ method: 'POST', path: '/v2/topic', body: { name: key, description: '', mediaType: 'application/json' } }),
  refuse: key => ({ method: 'POST', path: '/v2/topic', body: { name: key, description: '', mediaType: 'none' } }),
  message: (key, topicId) => ({ method: 'POST', path: `/v2/topic/${topicId}/message`, body: { body: { operation: key } } }),
  delete: (_key, topicId) => ({ method: 'DELETE', path: `/v2/topic/${topicId}` })
}
