import { throwInvalidOption } from './invalid-option.js'

/** What maintenance is begun with. */
export interface MaintenanceStart {
  /** What every request is told. Default: `Temporarily offline for maintenance`. */
  message?: string | undefined
  /** When it ends by itself: a `Date`, or a date-time as JSON has it. Not with `retryAfter`. */
  until?: Date | string | undefined
  /** When to try again, in seconds from each request on. Default: 60, where there is no `until`. */
  retryAfter?: number | undefined
}

/** Whether maintenance is on, and since when: plain JSON. */
export type MaintenanceState = MaintenanceOff | MaintenanceOn

/** No maintenance. */
export interface MaintenanceOff { readonly enabled: false }

/** Maintenance, until it is left, or until its time has passed. */
export interface MaintenanceOn {
  readonly enabled: true
  readonly message: string
  /** When it began, ISO 8601, UTC. */
  readonly since: string
  /** When it ends by itself, ISO 8601, UTC. */
  readonly until?: string
  /** When to try again, in whole seconds. Where there is an `until`, that says it. */
  readonly retryAfter?: number
}

const MESSAGE = 'Temporarily offline for maintenance'
const RETRY_AFTER = 60

export const OFF: MaintenanceOff = Object.freeze({ enabled: false })

/**
 * Maintenance that begins now.
 *
 * @throws {TypeError} for what is unknown, of the wrong type, over already, or says twice when it ends
 */
export function begin (start: MaintenanceStart = {}): MaintenanceOn {
  if (typeof start !== 'object' || start === null) throwInvalidOption('options must be an object, such as { message, until }', start, 'maintenance')
  const { message = MESSAGE, until, retryAfter, ...unknown } = start
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw new TypeError(`fastify-reason-phrase: maintenance knows no option "${stranger}", only message, until and retryAfter`)
  if (until !== undefined && retryAfter !== undefined) throw new TypeError('fastify-reason-phrase: maintenance takes until or retryAfter, not both')

  const end = until === undefined ? undefined : timeOf(until, 'until')
  if (end !== undefined && end <= Date.now()) throwInvalidOption('option until must be in the future', until, 'maintenance')
  return on(message, new Date().toISOString(), end, retryAfter)
}

/**
 * Returns a state as it was kept elsewhere.
 *
 * @throws {TypeError} for anything that is not a complete {@link MaintenanceState}
 */
export function restore (kept: unknown): MaintenanceState {
  const kind = kept === null ? 'null' : Array.isArray(kept) ? 'array' : typeof kept
  if (kind !== 'object') throwInvalidOption('state must be { enabled: false }, or an object with enabled, message and since', kind, 'maintenance')
  const { enabled, message, since, until, retryAfter } = kept as Partial<Record<keyof MaintenanceOn, unknown>>
  if (typeof enabled !== 'boolean') throwInvalidOption('option enabled must be true or false', enabled, 'maintenance')
  if (!enabled) return OFF
  return on(message, new Date(timeOf(since, 'since')).toISOString(), until === undefined ? undefined : timeOf(until, 'until'), retryAfter)
}

/** When a state ends by itself, in milliseconds since the epoch; `Infinity` where it does not. */
export function endOf ({ until }: MaintenanceOn): number {
  return until === undefined ? Infinity : Date.parse(until)
}

/** `Retry-After` for a request of now (RFC 9110 section 10.2.3): whole seconds, at least one. */
export function retryAfterOf ({ until, retryAfter }: MaintenanceOn): number {
  return until === undefined ? retryAfter! : Math.max(1, Math.ceil((Date.parse(until) - Date.now()) / 1000))
}

function on (message: unknown, since: string, end: number | undefined, retryAfter: unknown = RETRY_AFTER): MaintenanceOn {
  if (typeof message !== 'string' || message.trim() === '') throwInvalidOption('option message must be a string that says something', message, 'maintenance')
  // A larger number has an exponent in its text, and Retry-After has only digits (RFC 9110 section 10.2.3).
  if (typeof retryAfter !== 'number' || !(retryAfter > 0) || !Number.isSafeInteger(Math.ceil(retryAfter))) {
    throwInvalidOption('option retryAfter must be a positive number of seconds', retryAfter, 'maintenance')
  }
  return Object.freeze({
    enabled: true,
    message,
    since,
    ...(end === undefined ? { retryAfter: Math.ceil(retryAfter) } : { until: new Date(end).toISOString() })
  })
}

// To Date, a number is a time and most texts are one, too. Years after 9999 have a sign and six digits.
const DATE_TIME = /^((?:\d{4}|[+-]\d{6})-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i

function timeOf (value: unknown, name: string): number {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parse(value) : NaN
  if (Number.isNaN(time)) throwInvalidOption(`option ${name} must be a valid Date, or a date-time with its time zone`, value, 'maintenance')
  return time
}

function parse (text: string): number {
  const [, date] = DATE_TIME.exec(text) ?? []
  const time = date === undefined ? NaN : Date.parse(text)
  // Date takes February 30 for March 2.
  return Number.isNaN(time) || !new Date(date).toISOString().startsWith(date) ? NaN : time
}
