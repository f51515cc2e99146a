import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, FastifySchemaCompiler, RouteOptions } from 'fastify'
import { checkKey } from '../../lib/idempotency/key.js'
import type { Operation } from '../../lib/idempotency/operation.js'
import { createExecutingBody, createOutcomeBody, type OutcomeBody } from '../../lib/idempotency/outcome-body.js'
import type { NewRecord, StoredRecord } from '../../lib/idempotency/record.js'
import type { RefusalName } from '../../lib/idempotency/refusals.js'
import type { IdempotencyStore, Records } from '../../lib/idempotency/store.js'
import { isPlainObject } from '../../lib/plain-object.js'
import { createOutcomeConfig } from '../reason-phrase/idempotent-routes.js'
import { poll, reportUnavailable, type Coordinator } from './coordinator.js'
import { CLOSING, OUTCOME, PARAMS } from './outcome-schemas.js'
import { markDecided, sendRefusal } from './replay.js'
import { transactRecords } from './transaction.js'

/** The dependencies of the outcome routes. */
interface OutcomeContext<T> {
  readonly store: IdempotencyStore<T>
  readonly coordinator: Coordinator<T>
  /** The idempotent routes. More of them can be added until the service starts. */
  readonly operations: readonly RouteOptions[]
}

/** A request whose path ends with an idempotency key. */
type OutcomeRequest = FastifyRequest<{ Params: { '*': string } }>

const EXPIRED = 'The key has expired: the outcome of its operation is no longer known.'

/**
 * Adds the routes `GET {path}/*`, which returns the outcome of a key, and `PUT {path}/*`, which closes a key. The key is a
 * wildcard, because Fastify limits the length of a parameter.
 */
export function addOutcomeRoutes<T> (app: FastifyInstance, path: string, { store, coordinator, operations }: OutcomeContext<T>): void {
  const outcomes = new Outcomes(store, coordinator)
  const compilers = { validatorCompiler: compileValidator, serializerCompiler: compileSerializer }
  app.get(`${path}/*`, {
    ...compilers,
    schema: {
      summary: 'Get the outcome of an idempotency key',
      description: 'Returns the outcome of the request with this key. If nothing is known, the request may still arrive. Close its key to prevent that it takes effect.',
      params: PARAMS,
      response: { 200: { ...OUTCOME, description: 'The outcome of the key.' } }
    },
    config: createOutcomeConfig({
      errors: {
        404: 'Nothing is known of the key. Its request may still arrive.',
        422: EXPIRED,
        503: 'The service is temporarily unavailable. Retry after the time in `Retry-After`.'
      }
    }, operations)
  }, async (request: OutcomeRequest, reply) => send(reply, await outcomes.find(request)))

  app.put(`${path}/*`, {
    ...compilers,
    schema: {
      summary: 'Close an idempotency key',
      description: 'Settles the key, and returns its final state. If the request with this key has not begun, it never takes effect, however late it arrives. Repeating the call returns the same state.',
      params: PARAMS,
      body: CLOSING,
      response: { 200: { ...OUTCOME, description: 'The final state of the key: `succeeded`, `rejected` or `closed`.' } }
    },
    config: createOutcomeConfig({
      errors: {
        422: EXPIRED,
        503: 'A request with this key is being executed, or the service is temporarily unavailable. Retry after the time in `Retry-After`.'
      }
    }, operations)
  }, async (request: OutcomeRequest, reply) => send(reply, await outcomes.close(request)))
}

/** Validates the key and the body without Ajv, because the compiler of the service may expect schemas of another kind. */
const compileValidator: FastifySchemaCompiler<FastifySchema> = ({ httpPart }) => httpPart === 'body' ? validateClosing : validateParams

function validateParams (params: OutcomeRequest['params']): { error?: Error } {
  try {
    checkKey(params['*'])
    return {}
  } catch (error) {
    return { error: error as Error }
  }
}

function validateClosing (body: unknown): { error?: Error } {
  const isClosing = isPlainObject(body) && Object.keys(body).length === 1 && (body as { state?: unknown }).state === 'closed'
  return isClosing ? {} : { error: new Error('The body must be {"state":"closed"}') }
}

function compileSerializer (): typeof JSON.stringify {
  return JSON.stringify
}

function send (reply: FastifyReply, outcome: OutcomeBody | RefusalName): FastifyReply {
  // The response belongs to one caller, and changes. A shared cache does not know that the signature identifies the caller.
  reply.header('cache-control', 'no-store')
  if (typeof outcome === 'string') return sendRefusal(reply, outcome)
  markDecided(reply, outcome.state, false)
  return reply.send(outcome)
}

/** The outcomes of the keys. */
class Outcomes<T> {
  readonly #store: IdempotencyStore<T>
  readonly #coordinator: Coordinator<T>

  constructor (store: IdempotencyStore<T>, coordinator: Coordinator<T>) {
    this.#store = store
    this.#coordinator = coordinator
  }

  /** Returns the outcome of a key, or the name of the refusal to send. */
  async find (request: OutcomeRequest): Promise<OutcomeBody | RefusalName> {
    return await this.#find(this.#operationOf(request), this.#coordinator.createDeadline(), request)
  }

  /** Closes a key if its request has not begun. Returns the final outcome of the key, or the name of the refusal to send. */
  async close (request: OutcomeRequest): Promise<OutcomeBody | RefusalName> {
    const operation = this.#operationOf(request)
    const deadline = this.#coordinator.createDeadline()
    // The record of an expired key may have been removed. Closing the key would then deny an operation that happened.
    if (this.#coordinator.isExpired(operation)) return await this.#findSettled(operation, deadline, request)
    const result = await this.#coordinator.run(operation.id, deadline, async () => {
      return await poll(deadline, async () => await this.#coordinator.limit(deadline, async () => await this.#close(operation, request)))
    })
    if (typeof result === 'string') return result
    // A record that another request of this process has just committed has no times, so read it from the store.
    return isStored(result) ? createOutcomeBody(result) : await this.#find(operation, deadline, request)
  }

  #operationOf (request: OutcomeRequest): Operation {
    return this.#coordinator.createOperation(request as FastifyRequest, request.params['*'])
  }

  async #close (operation: Operation, { log }: OutcomeRequest): Promise<StoredRecord | RefusalName> {
    let record: StoredRecord | undefined
    try {
      await transactRecords(this.#store, async records => {
        await records.insert([{ operation, fingerprint: undefined, state: 'closed' }])
        record = await records.find(operation)
      })
      return record ?? 'executing'
    } catch (error) {
      const refusal = reportUnavailable(log, error)
      // With a record, the error came from the commit.
      return record === undefined ? refusal : 'commitUnknown'
    }
  }

  async #findSettled (operation: Operation, deadline: number, request: OutcomeRequest): Promise<OutcomeBody | RefusalName> {
    const outcome = await this.#find(operation, deadline, request)
    return typeof outcome !== 'string' && outcome.state === 'executing' ? 'executing' : outcome
  }

  async #find (operation: Operation, deadline: number, { log }: OutcomeRequest): Promise<OutcomeBody | RefusalName> {
    // Do not query the database: on SQLite, the execution holds the only connection of this process.
    const execution = this.#coordinator.findExecution(operation.id)
    if (execution !== undefined) return createExecutingBody(operation.key, execution.startedAt)
    return await this.#coordinator.look(deadline, log, async records => await findOutcome(records, operation) ?? (this.#coordinator.isExpired(operation) ? 'expired' : 'nothingKnown'))
  }
}

/** Returns the outcome of a key; undefined if nothing is known of it. */
async function findOutcome (records: Records, operation: Operation): Promise<OutcomeBody | undefined> {
  let record = await records.find(operation)
  if (record === undefined) {
    const executing = await records.findExecuting(operation)
    if (executing !== undefined) return createExecutingBody(operation.key, executing.since)
    // The execution may have ended between the two queries.
    record = await records.find(operation)
  }
  return record && createOutcomeBody(record)
}

function isStored (record: NewRecord): record is StoredRecord {
  return 'createdAt' in record
}
