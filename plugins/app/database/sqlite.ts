import { access, constants, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SqliteDialect, type Dialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import type Libsql from 'libsql'
import { describeFileError } from '../../../lib/file-error.js'

// A wait for a lock blocks the event loop, so it has to be short.
const LOCK_TIMEOUT_MS = 500

const MAX_KEPT_STATEMENTS = 100

/**
 * Returns the dialect of Kysely for an SQLite file. Creates the file and its folder where there is none.
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

/** Returns why SQLite cannot use a file, for a message. SQLite itself says only that it cannot open the file. */
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
 * A transaction that reads first cannot write any more when another process wrote in the meantime. And libsql leaves a
 * statement that fails for the lock in progress, so that no transaction commits until the statement is garbage
 * collected: https://github.com/tursodatabase/libsql-client-ts/issues/352. exec() does not have this fault.
 *
 * SQLite itself rolls a transaction back after some errors, such as that of a full disk. Then each later statement of
 * the transaction, and its commit, fail with the same error, and its rollback does nothing.
 */
function withImmediateTransactions (database: InstanceType<typeof Libsql>): SqliteDatabase {
  let isOpen = true
  let isInTransaction = false
  // libsql ends the process if it is asked after the end of the database.
  const hasTransaction = () => isOpen && database.inTransaction
  // The last error of the transaction. Where SQLite has rolled back, it is the reason.
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
    // SQLite would run the statement as a transaction of its own, and keep what it writes.
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

  // The statements that were used last, by their text, because it takes longer to prepare a statement than to run it.
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
        // The garbage collector ends a statement that libsql leaves in progress.
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
      // libsql keeps the lock of a transaction until its statements are garbage collected.
      if (hasTransaction()) database.exec('rollback')
      isOpen = false
      database.close()
    },
    prepare (text) {
      const statement = kept.get(text) ?? prepare(text)
      // A Map keeps the order in which its entries were added.
      kept.delete(text)
      kept.set(text, statement)
      if (kept.size > MAX_KEPT_STATEMENTS) kept.delete(kept.keys().next().value!)
      return statement
    }
  }
}
