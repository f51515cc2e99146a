import { access, constants, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SqliteDialect, type Dialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import type Libsql from 'libsql'
import { describeFileError } from '../../../lib/file-error.js'

// Waiting for a lock blocks the event loop, so the timeout must be short.
const LOCK_TIMEOUT_MS = 500

const MAX_KEPT_STATEMENTS = 100

/**
 * Returns the Kysely dialect for an SQLite file. Creates the file and its folder if they do not exist.
 *
 * @throws the error of the file system or of SQLite
 */
export async function createSqliteDialect (file: string): Promise<Dialect> {
  await mkdir(dirname(file), { recursive: true })
  // A service on PostgreSQL starts faster without this driver.
  const { default: Libsql } = await import('libsql')
  const database = new Libsql(file, { timeout: LOCK_TIMEOUT_MS })
  try {
    database.exec('pragma journal_mode = wal')
  } catch (error) {
    database.close()
    throw error
  }
  return new SqliteDialect({ database: withImmediateTransactions(database) })
}

/** Returns the reason why SQLite cannot open a file, for a message. SQLite itself reports no reason. */
export async function explainOpenError (file: string, error: unknown): Promise<string> {
  const { code, message, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'mkdir') return `its folder cannot be created: ${describeFileError(error as NodeJS.ErrnoException)}`
  if (code === 'SQLITE_NOTADB') return 'it is not a database of SQLite'
  if (!message.startsWith('ConnectionFailed')) return message
  const failure = await open(file, 'r+').then(async handle => { await handle.close() }, error => error)
  const cause = failure?.code === 'ENOENT' ? await access(dirname(file), constants.W_OK).catch(error => error) : failure
  return cause === undefined ? 'SQLite cannot open it' : describeFileError(cause)
}

/**
 * Makes each transaction, and each write outside of a transaction, take the write lock first.
 *
 * Without this lock, a transaction that reads first cannot write if another process has written in the meantime. Also, if a
 * statement fails because of the lock, libsql does not end it, and no transaction can commit until the statement is garbage
 * collected: https://github.com/tursodatabase/libsql-client-ts/issues/352. exec() does not have this fault.
 *
 * After some errors, for example a full disk, SQLite itself rolls the transaction back. Then each later statement of the
 * transaction, and its commit, fail with the same error, and its rollback does nothing.
 */
function withImmediateTransactions (database: InstanceType<typeof Libsql>): SqliteDatabase {
  let isOpen = true
  let isInTransaction = false
  // After close(), reading database.inTransaction would make libsql end the process.
  const hasTransaction = () => isOpen && database.inTransaction
  // The last error of the transaction. If SQLite has rolled back, this error is the reason.
  let lastError: unknown

  const transactionCommands: Record<string, () => void> = {
    begin () {
      database.exec('begin immediate')
      isInTransaction = true
      lastError = new Error('SQLite has rolled back the transaction')
    },
    commit () {
      run(() => database.exec('commit'))
      isInTransaction = false
    },
    rollback () {
      isInTransaction = false
      if (hasTransaction()) database.exec('rollback')
    }
  }

  function run<Result> (statement: () => Result): Result {
    // SQLite has rolled back. It would run this statement as a transaction of its own, and keep its changes.
    if (isInTransaction && !hasTransaction()) throw lastError
    try {
      return statement()
    } catch (error) {
      lastError = error
      throw error
    }
  }

  function runInTransaction<Result> (statement: () => Result): Result {
    transactionCommands.begin()
    try {
      const result = statement()
      transactionCommands.commit()
      return result
    } catch (error) {
      transactionCommands.rollback()
      throw error
    }
  }

  // The statements that were used last, by text. Preparing a statement takes longer than running it.
  const kept = new Map<string, SqliteStatement>()

  function prepare (text: string): SqliteStatement {
    const statement = database.prepare(text) as unknown as SqliteStatement
    const command = transactionCommands[text]
    if (command !== undefined) {
      return Object.assign(statement, {
        run () {
          command()
          return { changes: 0, lastInsertRowid: 0 }
        }
      })
    }
    const isWrite = /^(insert|update|delete)\b/i.test(text)
    const runLocked = <Result>(statement: () => Result) => isWrite && !isInTransaction && !hasTransaction() ? runInTransaction(statement) : run(statement)
    const runOrDrop = <Result>(statement: () => Result) => {
      try {
        return runLocked(statement)
      } catch (error) {
        // libsql may not have ended the statement. Without a reference, the garbage collector ends it.
        kept.delete(text)
        throw error
      }
    }
    const executeAll = statement.all.bind(statement)
    const execute = statement.run.bind(statement)
    return Object.assign(statement, {
      all: (parameters: unknown[]) => runOrDrop(() => executeAll(parameters)),
      run: (parameters: unknown[]) => runOrDrop(() => execute(parameters))
    })
  }

  return {
    close () {
      // Roll back, because libsql keeps the lock of a transaction until its statements are garbage collected.
      if (hasTransaction()) database.exec('rollback')
      isOpen = false
      database.close()
    },
    prepare (text) {
      const statement = kept.get(text) ?? prepare(text)
      // A Map keeps the order of insertion, so adding the statement again makes it the newest.
      kept.delete(text)
      kept.set(text, statement)
      if (kept.size > MAX_KEPT_STATEMENTS) kept.delete(kept.keys().next().value!)
      return statement
    }
  }
}
