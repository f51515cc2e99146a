import { checkOptionNames, throwInvalidOption } from '../invalid-option.js'
import { MAX_TIMEOUT_MS } from '../time-limit.js'
import type { IdempotencyStore } from './store.js'

/**
 * Options of the plugin `fastify-reason-phrase/idempotency`.
 *
 * @typeParam T the transaction of the store
 * @typeParam R the request
 */
export interface IdempotencyOptions<T, R> {
  /** The store of the records. It must use the database that the handlers write to. */
  store: IdempotencyStore<T>
  /**
   * Returns the authenticated caller of a request. Callers do not see each
   * other's keys. Default: the id of the key that signed the request.
   */
  scope?: ((request: R) => string) | undefined
  /** The path of the routes `GET` and `PUT {path}/:key`, which return the outcome of a key, and close it. Default: no routes. */
  outcomes?: string | undefined
  /**
   * The names of the header fields that are recorded besides `content-type`,
   * `content-encoding` and `location`, in lower case. Default: none.
   */
  headers?: string[] | undefined
  /**
   * How long a request waits for another request with the same key, or until
   * fewer than `maxInFlight` transactions run, in milliseconds. Default: 1000.
   */
  wait?: number | undefined
  /** How long a request can take from the beginning of its transaction to its response, in milliseconds. Default: 30,000. */
  timeout?: number | undefined
  /**
   * The maximum number of simultaneous transactions of requests with a key in
   * this process. It must be less than the size of the connection pool. Default:
   * 5. With SQLite, it is always 1, because SQLite has one writer.
   */
  maxInFlight?: number | undefined
  /** The longest response body that is recorded, in bytes. Default: 1,048,576. */
  maxBytes?: number | undefined
  /** How long a record is kept, in seconds. Default: 604,800, which is 7 days. */
  retention?: number | undefined
}

/** The options with their defaults. */
export interface IdempotencySettings<T, R> {
  readonly store: IdempotencyStore<T>
  readonly scope: ((request: R) => string) | undefined
  readonly outcomes: string | undefined
  /** All header fields that are recorded. */
  readonly headers: readonly string[]
  readonly wait: number
  readonly timeout: number
  readonly maxInFlight: number
  readonly maxBytes: number
  readonly retention: number
}

/** The dialects, each with the maximum number of simultaneous transactions that write. */
const MAX_TRANSACTIONS = { postgresql: Infinity, sqlite: 1, mysql: Infinity }
const DIALECTS = Object.keys(MAX_TRANSACTIONS)

// Without its media type and its coding, the recorded body could not be read.
const RECORDED_HEADERS = ['content-type', 'content-encoding', 'location']

const UNRECORDED_HEADERS = [
  // These describe one connection or one message (RFC 9110 sections 7.6.1 and 8.6).
  'connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  // A replay would overwrite a newer cookie, and the record would contain a credential.
  'set-cookie',
  // The plugin sets them on every response.
  'idempotency-status', 'idempotent-replayed'
]

const SUBJECT = 'idempotency option'

/**
 * Checks the options, and adds the defaults.
 *
 * @throws {TypeError} if an option is missing, unknown, of the wrong type, or out of range
 */
export function resolveOptions<T, R> (options: IdempotencyOptions<T, R>): IdempotencySettings<T, R> {
  checkOptionNames(options, ['store', 'scope', 'outcomes', 'headers', 'wait', 'timeout', 'maxInFlight', 'maxBytes', 'retention'], 'idempotency')
  const {
    store, scope, outcomes, headers = [], wait = 1000, timeout = 30_000,
    maxInFlight = 5, maxBytes = 1_048_576, retention = 604_800
  } = options
  // The value can be the URL of a database with a password, so the message shows only its type.
  if (typeof store?.transaction !== 'function' || !DIALECTS.includes(store.dialect)) {
    throwInvalidOption(`store must be an object with a method transaction and a dialect of ${DIALECTS.join(', ')}, such as kyselyStore(db)`, typeof store, SUBJECT)
  }
  if (scope !== undefined && typeof scope !== 'function') throwInvalidOption('scope must be a function from a request to its authenticated caller', scope, SUBJECT)
  if (outcomes !== undefined && !isPath(outcomes)) throwInvalidOption('outcomes must be a path of segments with letters, digits, and - . _ ~, such as /v2/operation', outcomes, SUBJECT)
  if (!Array.isArray(headers) || !headers.every(isRecordable)) {
    throwInvalidOption(`headers must be an array of field names in lower case, without ${UNRECORDED_HEADERS.join(', ')}`, headers, SUBJECT)
  }
  checkInteger('wait', 'a number of milliseconds', wait, 0, MAX_TIMEOUT_MS)
  checkInteger('timeout', 'a positive number of milliseconds', timeout, 1, MAX_TIMEOUT_MS)
  checkInteger('maxInFlight', 'a positive number', maxInFlight, 1)
  checkInteger('maxBytes', 'a positive number of bytes', maxBytes, 1)
  checkInteger('retention', 'a positive number of whole seconds', retention, 1)
  return {
    store,
    scope,
    outcomes,
    headers: [...RECORDED_HEADERS, ...headers],
    wait,
    timeout,
    // More transactions would wait in the store without a time limit.
    maxInFlight: Math.min(maxInFlight, MAX_TRANSACTIONS[store.dialect]),
    maxBytes,
    retention
  }
}

function isPath (path: unknown): boolean {
  return typeof path === 'string' && /^(?:\/[\w.~-]+)+$/.test(path)
}

function isRecordable (name: unknown): boolean {
  return typeof name === 'string' && /^[!#$%&'*+.^`|~\w-]+$/.test(name) && name === name.toLowerCase() && !UNRECORDED_HEADERS.includes(name)
}

function checkInteger (name: string, rule: string, value: number, min: number, max?: number): void {
  if (!Number.isSafeInteger(value) || value < min) throwInvalidOption(`${name} must be ${rule}`, value, SUBJECT)
  if (max !== undefined && value > max) throwInvalidOption(`${name} must be at most ${max} milliseconds`, value, SUBJECT)
}
