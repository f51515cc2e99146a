import { checkOptionNames } from '../../../lib/invalid-option.js'
import { createRecords } from '../../../lib/idempotency/records.js'
import { ROLLBACK, toNumbered, toQuestionMarks, type ParameterizedQuery } from '../../../lib/idempotency/statement.js'
import type { IdempotencyStore, Query, Statement } from '../../../lib/idempotency/store.js'
import { checkTable } from '../../../lib/idempotency/table.js'
import { Guard } from './guard.js'
import { createTable, type SqlStore, type SqlStoreOptions } from './sql-store.js'

/** The part of Kysely that the store uses. The types of Kysely are not imported, so that the package works without Kysely. */
export interface KyselyDatabase<T> {
  transaction (): { execute<Result> (work: (transaction: T) => Promise<Result>): Promise<Result> }
}

/** Options of {@link kyselyStore}. */
export interface KyselyStoreOptions extends SqlStoreOptions {
  /** The dialect of the database. Default: the dialect of the instance of Kysely. */
  dialect?: IdempotencyStore<unknown>['dialect'] | undefined
}

/** The part of an instance of Kysely, and of a transaction, that runs queries. */
export interface KyselyExecutor {
  withoutPlugins (): { executeQuery (query: any): Promise<{ rows: any[] }> }
  getExecutor (): { readonly adapter: { readonly supportsReturning: boolean, readonly supportsTransactionalDdl: boolean } }
}

interface Transaction extends KyselyExecutor {
  withPlugin (plugin: object): this
  executeQuery (...query: unknown[]): Promise<unknown>
}

interface Kysely extends KyselyExecutor {
  transaction (): TransactionBuilder
}

interface TransactionBuilder {
  setIsolationLevel (level: string): TransactionBuilder
  execute<Result> (work: (transaction: Transaction) => Promise<Result>): Promise<Result>
}

/**
 * Returns a store in the database of an instance of Kysely: PostgreSQL, SQLite,
 * MySQL or MariaDB. Handlers get a `Transaction` with the plugins of the instance.
 *
 * On PostgreSQL, create the dialect with `combineRoundTrips(pool)`.
 *
 * @throws {TypeError} if the name of the table would need quotes, or an option is unknown
 */
export function kyselyStore<T> (db: KyselyDatabase<T>, options: KyselyStoreOptions = {}): SqlStore<T> {
  checkOptionNames(options, ['table', 'dialect'], 'kyselyStore()')
  const kysely = db as unknown as Kysely
  const { table, dialect = readDialect(kysely) } = options
  if (table !== undefined) checkTable(table)
  const toText = dialect === 'postgresql' ? toNumbered : toQuestionMarks

  function begin (): TransactionBuilder {
    const builder = kysely.transaction()
    // With a stricter isolation level, which can be the default of a database, a claim fails if the key is settled meanwhile.
    return dialect === 'postgresql' ? builder.setIsolationLevel('read committed') : builder
  }

  const store: SqlStore<T> = {
    dialect,
    table,
    query: createQuery(kysely, toText),
    async transaction (work) {
      return await begin().execute(async transaction => {
        const guard = new Guard()
        const query = createQuery(transaction, toText)
        try {
          return await work({
            transaction: guardTransaction(transaction, guard) as unknown as T,
            async query (statement) {
              if (statement === ROLLBACK) guard.end()
              return await query(statement)
            }
          })
        } finally {
          // Kysely itself would accept queries until COMMIT has returned.
          guard.end()
        }
      })
    },
    createTable: () => createTable(store),
    insertRecords: (transaction, records) => createRecords(dialect, createQuery(transaction as unknown as KyselyExecutor, toText), table).insert(records)
  }
  return store
}

/** Returns a function that runs statements without the plugins of the Kysely instance. */
export function createQuery (executor: KyselyExecutor, toText: (statement: Statement) => ParameterizedQuery): Query {
  // A plugin such as CamelCasePlugin would rename the columns.
  const plain = executor.withoutPlugins()
  return async statement => {
    const { text, values } = toText(statement)
    const { rows } = await plain.executeQuery({
      sql: text,
      parameters: values,
      query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
      queryId: { queryId: '' }
    })
    return rows
  }
}

/** Returns the dialect of an instance of Kysely, or of one of its transactions. */
export function readDialect (kysely: KyselyExecutor): IdempotencyStore<unknown>['dialect'] {
  const { supportsReturning, supportsTransactionalDdl } = kysely.getExecutor().adapter
  if (!supportsReturning) return 'mysql'
  return supportsTransactionalDdl ? 'postgresql' : 'sqlite'
}

/** The methods of a transaction that return another handle of the same transaction. */
const DERIVATIONS = ['withPlugin', 'withSchema', 'withTables', 'withoutPlugins'] as const

/** Returns a handle of a transaction. Its queries throw after the end of the transaction. */
function guardTransaction (transaction: Transaction, guard: Guard): Transaction {
  const handle = transaction.withPlugin(createGuardPlugin(guard))
  const derivations = Object.fromEntries(DERIVATIONS.map(name => [
    name,
    (...parameters: unknown[]) => guardTransaction(Reflect.apply(Reflect.get(transaction, name), transaction, parameters), guard)
  ]))
  return Object.assign(handle, derivations, {
    // Kysely does not pass compiled queries to plugins.
    async executeQuery (...query: unknown[]) {
      guard.check()
      return await Reflect.apply(Reflect.get(transaction, 'executeQuery'), transaction, query)
    }
  })
}

// Kysely passes all queries that are not compiled yet to plugins, raw SQL too.
function createGuardPlugin (guard: Guard): object {
  return {
    transformQuery ({ node }: { node: object }): object {
      guard.check()
      return node
    },
    transformResult: async ({ result }: { result: object }): Promise<object> => result
  }
}
