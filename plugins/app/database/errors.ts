import { ServiceUnavailable } from '../../../lib/service-unavailable.js'

/** Thrown if the database is unavailable: a 503 with a public message. */
export class DatabaseUnavailable extends ServiceUnavailable {
  constructor (cause: unknown, message = 'The database is unavailable') {
    super(message, { cause })
  }
}

// SQLSTATEs of PostgreSQL and codes of Node after which a connection must not be used again.
const LOST_CONNECTION_CODES = /^(08...|25006|25P0[34]|57P..|58...|E(?!RR_)[A-Z_]{4,})$/
// The errors that pg itself creates have no code.
const LOST_CONNECTION_MESSAGES = /^(Connection terminated|Query read timeout|Client .*not queryable)/
// SQLSTATEs of conflicts, timeouts and exhausted resources. A retry of the query can succeed on the same connection.
const RETRYABLE_CODES = /^(40(001|003|P01)|53...|55P03|57014)$/
const SQLITE_CODES = /^SQLITE_(BUSY|CANTOPEN|FULL|IOERR|LOCKED|NOMEM|PROTOCOL|READONLY)(_\w+)?$/
// The numbers of the same codes, because libsql has no names for some extended codes, such as SQLITE_READONLY_DIRECTORY.
const SQLITE_NUMBERS = new Set([5, 14, 13, 10, 6, 7, 15, 8])
const SQLITE_LOCK_CODES = /^SQLITE_(BUSY|LOCKED|PROTOCOL)/

interface QueryError {
  code?: string
  rawCode?: number
  message?: string
}

/** Returns whether an error of PostgreSQL leaves its connection unusable. */
export function isConnectionLost (error: unknown): boolean {
  const { code, message } = error as QueryError
  return code === undefined ? LOST_CONNECTION_MESSAGES.test(`${message}`) : LOST_CONNECTION_CODES.test(code)
}

/** Returns whether an SQLite query failed because another connection holds a lock. */
export function isSqliteLocked (error: unknown): boolean {
  return SQLITE_LOCK_CODES.test(`${(error as QueryError).code}`)
}

/**
 * Returns whether a query failed because the database is unreachable, busy or full, so that a retry can succeed. Any
 * other error is a bug of the service.
 */
export function isUnavailable (error: unknown): boolean {
  const { code, rawCode } = error as QueryError
  return isConnectionLost(error) || RETRYABLE_CODES.test(`${code}`) || SQLITE_CODES.test(`${code}`) || SQLITE_NUMBERS.has(Number(rawCode) & 0xFF)
}
