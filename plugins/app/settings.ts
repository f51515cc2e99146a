import { joinNames } from '../../lib/invalid-option.js'
import { MAX_TIMEOUT_MS } from '../../lib/time-limit.js'

/** Thrown if the service cannot start because of an environment variable. The message is one line that names the variable. */
export class InvalidSetting extends Error {}

/** The settings of the service, which it reads from environment variables. */
export interface Settings {
  host: string
  port: number
  logLevel: string
  /** The maximum time that the service takes to close, in milliseconds. */
  drainTime: number
  databaseFile: string | undefined
  databaseUrl: string | undefined
  keysFile: string | undefined
  messageBacklog: number | undefined
  isProduction: boolean
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

const MAX_PORT = 65_535

/**
 * Returns the settings in these environment variables. An empty variable counts as missing.
 *
 * @throws {InvalidSetting} if the value of a variable is invalid
 */
export function readSettings (env: Readonly<Record<string, string | undefined>>): Settings {
  const { DATABASE_FILE, DATABASE_URL, HOST, KEYS_FILE, LOG_LEVEL, NODE_ENV } = env
  if (LOG_LEVEL && !LOG_LEVELS.includes(LOG_LEVEL)) throw new InvalidSetting(`LOG_LEVEL must be ${joinNames(LOG_LEVELS, 'or')}, not "${LOG_LEVEL}"`)
  return {
    host: HOST || '127.0.0.1',
    port: readInteger(env, 'PORT', `a number from 0 to ${MAX_PORT}`, 0, MAX_PORT) ?? 3000,
    logLevel: LOG_LEVEL || 'info',
    drainTime: readInteger(env, 'DRAIN_TIME', `a number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`, 1, MAX_TIMEOUT_MS) ?? 10_000,
    databaseFile: DATABASE_FILE || undefined,
    databaseUrl: DATABASE_URL || undefined,
    keysFile: KEYS_FILE || undefined,
    messageBacklog: readInteger(env, 'MESSAGE_BACKLOG', 'a number of messages, 0 or more', 0, Number.MAX_SAFE_INTEGER),
    isProduction: NODE_ENV === 'production'
  }
}

function readInteger (env: Readonly<Record<string, string | undefined>>, name: string, rule: string, min: number, max: number): number | undefined {
  const text = env[name]
  if (!text) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new InvalidSetting(`${name} must be ${rule}, not "${text}"`)
  return value
}

/** Returns the error for an address on which the service cannot listen. Its message names the variable to change. */
export function createListenError ({ code, syscall, message }: NodeJS.ErrnoException, { host, port }: Settings): InvalidSetting {
  if (syscall === 'getaddrinfo') return new InvalidSetting(`HOST "${host}" cannot be resolved to an address: ${code}`)
  if (code === 'EADDRINUSE') return new InvalidSetting(`PORT ${port} is in use on ${host}. Stop the program that uses it, or set another PORT`)
  if (code === 'EACCES') return new InvalidSetting(`PORT ${port} cannot be used: permission denied. Set a PORT from 1024`)
  if (code === 'EADDRNOTAVAIL') return new InvalidSetting(`HOST "${host}" is not an address of this machine`)
  return new InvalidSetting(`HOST "${host}" and PORT ${port} cannot be used: ${message}`)
}
