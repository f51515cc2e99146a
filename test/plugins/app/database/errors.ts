import t from 'tap'
import { isUnavailable } from '../../../../plugins/app/database/errors.js'

t.test('isUnavailable() is true for an unavailable database, and false for a bug', async t => {
  const error = (code: string | undefined, message = '') => Object.assign(new Error(message), { code })
  for (const code of [
    'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH',
    '08006', '25006', '25P03', '25P04', '40001', '40003', '40P01', '53100', '53200', '53300', '55P03', '57014', '57P01', '57P03', '58030',
    'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_FULL', 'SQLITE_IOERR', 'SQLITE_IOERR_WRITE', 'SQLITE_LOCKED_SHAREDCACHE',
    'SQLITE_NOMEM', 'SQLITE_PROTOCOL', 'SQLITE_READONLY_DBMOVED', 'SQLITE_CANTOPEN'
  ]) t.ok(isUnavailable(error(code)), code)
  // SQLITE_READONLY_DIRECTORY, for which libsql has no name.
  t.ok(isUnavailable(Object.assign(error('UNKNOWN_SQLITE_ERROR_1544'), { rawCode: 1544 })))
  for (const message of [
    'Connection terminated', 'Connection terminated unexpectedly', 'Query read timeout',
    'Client has encountered a connection error and is not queryable', 'Client was closed and is not queryable'
  ]) t.ok(isUnavailable(error(undefined, message)), message)

  for (const code of ['23505', '25P02', '40002', '42P01', '22021', '54001', 'XX000', 'XX001', 'SQLITE_ERROR', 'SQLITE_CORRUPT', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_MISUSE', 'ERR_INVALID_ARG_TYPE']) {
    t.notOk(isUnavailable(error(code)), code)
  }
  t.notOk(isUnavailable(Object.assign(error('UNKNOWN_SQLITE_ERROR_779'), { rawCode: 779 })), 'SQLITE_CORRUPT_INDEX')
  t.notOk(isUnavailable(new TypeError('x is not a function')))
  t.notOk(isUnavailable('a string'))
})
