import { checkOptionNames, throwInvalidOption } from './invalid-option.js'

/** The options of `maintenance.enter()`. */
export interface MaintenanceStart {
  /** The message of every response. Default: `Temporarily offline for maintenance`. */
  message?: string | undefined
  /** When the maintenance ends by itself: a `Date`, or a date-time as in JSON. It cannot be combined with `retryAfter`. */
  until?: Date | string | undefined
  /** When clients can try again, in seconds after each request. Default: 60, if there is no `until`. */
  retryAfter?: number | undefined
}

/** Whether maintenance is on, and since when: plain JSON. */
export type MaintenanceState = MaintenanceOff | MaintenanceOn

/** No maintenance. */
export interface MaintenanceOff { readonly enabled: false }

/** Maintenance, until `leave()` is called, or until its time has passed. */
export interface MaintenanceOn {
  readonly enabled: true
  readonly message: string
  /** When it started, ISO 8601, UTC. */
  readonly since: string
  /** When it ends by itself, ISO 8601, UTC. */
  readonly until?: string
  /** When clients can try again, in whole seconds. Absent if there is an `until`, which determines it. */
  readonly retryAfter?: number
}

const DEFAULT_MESSAGE = 'Temporarily offline for maintenance'
const DEFAULT_RETRY_AFTER_SECONDS = 60

/** The state without maintenance. */
export const OFF: MaintenanceOff = Object.freeze({ enabled: false })

/**
 * Returns the state of a maintenance that starts now.
 *
 * @throws {TypeError} if an option is unknown or of the wrong type, if `until` is in the past, or if there are both `until`
 * and `retryAfter`
 */
export function startMaintenance (start: MaintenanceStart = {}): MaintenanceOn {
  if (typeof start !== 'object' || start === null) throwInvalidOption('options must be an object, such as { message, until }', start, 'maintenance')
  checkOptionNames(start, ['message', 'until', 'retryAfter'], 'maintenance.enter()')
  const { message = DEFAULT_MESSAGE, until, retryAfter } = start
  if (until !== undefined && retryAfter !== undefined) throw new TypeError('fastify-reason-phrase: maintenance takes until or retryAfter, not both. Remove one of them')

  const endMs = until === undefined ? undefined : parseTime(until, 'until')
  if (endMs !== undefined && endMs <= Date.now()) throwInvalidOption('option until must be in the future', until, 'maintenance')
  return createState(message, new Date().toISOString(), endMs, retryAfter)
}

/**
 * Checks a state that was stored, and returns it.
 *
 * @throws {TypeError} if the value is not a complete {@link MaintenanceState}
 */
export function parseState (value: unknown): MaintenanceState {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (type !== 'object') throwInvalidOption('state must be { enabled: false }, or an object with enabled, message and since', type, 'maintenance')
  const { enabled, message, since, until, retryAfter } = value as Partial<Record<keyof MaintenanceOn, unknown>>
  if (typeof enabled !== 'boolean') throwInvalidOption('option enabled must be true or false', enabled, 'maintenance')
  if (!enabled) return OFF
  const startMs = parseTime(since, 'since')
  return createState(message, new Date(startMs).toISOString(), until === undefined ? undefined : parseTime(until, 'until'), retryAfter)
}

/** Returns when a maintenance ends by itself, in milliseconds since 1970; `Infinity` if it does not. */
export function getEndMs ({ until }: MaintenanceOn): number {
  return until === undefined ? Infinity : Date.parse(until)
}

/** Returns the value of `Retry-After` for a request now (RFC 9110 section 10.2.3): whole seconds, at least one. */
export function getRetryAfterSeconds ({ until, retryAfter }: MaintenanceOn): number {
  return until === undefined ? retryAfter! : Math.max(1, Math.ceil((Date.parse(until) - Date.now()) / 1000))
}

function createState (message: unknown, since: string, endMs: number | undefined, retryAfter: unknown = DEFAULT_RETRY_AFTER_SECONDS): MaintenanceOn {
  if (typeof message !== 'string' || message.trim() === '') throwInvalidOption('option message must be a string that is not blank', message, 'maintenance')
  // Larger numbers are written with an exponent, and Retry-After has only digits (RFC 9110 section 10.2.3).
  if (typeof retryAfter !== 'number' || !(retryAfter > 0) || !Number.isSafeInteger(Math.ceil(retryAfter))) {
    throwInvalidOption('option retryAfter must be a positive number of seconds', retryAfter, 'maintenance')
  }
  return Object.freeze({
    enabled: true,
    message,
    since,
    ...(endMs === undefined ? { retryAfter: Math.ceil(retryAfter) } : { until: new Date(endMs).toISOString() })
  })
}

// The constructor of Date accepts many other strings as well. Years after 9999 have a sign and six digits.
const DATE_TIME = /^((?:\d{4}|[+-]\d{6})-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i

function parseTime (value: unknown, name: string): number {
  const timeMs = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseDateTime(value) : NaN
  if (Number.isNaN(timeMs)) throwInvalidOption(`option ${name} must be a valid Date, or a date-time with its time zone`, value, 'maintenance')
  return timeMs
}

function parseDateTime (text: string): number {
  const [, date] = DATE_TIME.exec(text) ?? []
  const timeMs = date === undefined ? NaN : Date.parse(text)
  // Date parses February 30 as March 2.
  return Number.isNaN(timeMs) || !new Date(date).toISOString().startsWith(date) ? NaN : timeMs
}
