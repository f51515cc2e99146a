import { throwInvalidOption } from '../invalid-option.js'
import type { IdempotencyStore } from './store.js'

/** The default name of the table. */
export const DEFAULT_TABLE = 'idempotency'

/**
 * Returns the statements that create the table of the records, unless it exists.
 *
 * @param table the name of the table, with or without its schema. Default: `idempotency`
 * @throws {TypeError} if the name would need quotes
 */
export function createTableStatements (dialect: IdempotencyStore<unknown>['dialect'], table = DEFAULT_TABLE): string[] {
  checkTable(table)
  return DEFINITIONS[dialect](table, `${table.slice(table.indexOf('.') + 1)}_created`)
}

/**
 * Checks the name of a table.
 *
 * @throws {TypeError} if the name would need quotes
 */
export function checkTable (table: string): void {
  if (typeof table !== 'string' || !/^([a-z_]\w*\.)?[a-z_]\w*$/i.test(table)) throwInvalidOption('table must be the name of a table that needs no quotes', table)
}

const DEFINITIONS = {
  postgresql: (table: string, index: string) => [
    `create table if not exists ${table} (
  id bytea primary key,
  scope text not null,
  idempotency_key text not null,
  fingerprint bytea,
  state text not null,
  status integer,
  reason text,
  headers text,
  body bytea,
  created bigint not null,
  settled bigint
)`,
    `create index if not exists ${index} on ${table} (created)`
  ],
  sqlite: (table: string, index: string) => [
    `create table if not exists ${table} (
  id blob primary key,
  scope text not null,
  idempotency_key text not null,
  fingerprint blob,
  state text not null,
  status integer,
  reason text,
  headers text,
  body blob,
  created integer not null,
  settled integer
)`,
    `create index if not exists ${index} on ${table} (created)`
  ],
  // MySQL has no "create index if not exists".
  mysql: (table: string, index: string) => [
    `create table if not exists ${table} (
  id binary(32) primary key,
  scope text not null,
  idempotency_key varchar(255) not null,
  fingerprint binary(32),
  state varchar(9) not null,
  status integer,
  reason text,
  headers mediumtext,
  body longblob,
  created bigint not null,
  settled bigint,
  index ${index} (created)
) engine = innodb default character set utf8mb4 collate utf8mb4_bin`
  ]
}
