import Fastify from 'fastify'
import { sql } from 'kysely'
import t from 'tap'
import { createTableStatements } from '../../lib/idempotency/table.js'
import { down, up } from '../../migrations/0004-idempotency.js'
import database from '../../plugins/app/database/index.js'
import { databases } from '../fixtures/database.js'

const TABLE = { table: 'idempotency', index: 'idempotency_created' }

const DESCRIPTIONS: Record<string, (names: typeof TABLE) => string[]> = {
  SQLite: ({ table, index }) => [
    // To SQLite, both names mean the same type.
    `select name, case type when 'bytea' then 'blob' when 'bigint' then 'integer' else lower(type) end as type, "notnull", dflt_value, pk from pragma_table_info('${table}')`,
    `select name, "unique", partial from pragma_index_list('${table}') where origin = 'c'`,
    `select name from pragma_index_info('${index}')`
  ],
  PostgreSQL: ({ table, index }) => [
    `select column_name, data_type, is_nullable, column_default from information_schema.columns where table_name = '${table}' order by ordinal_position`,
    `select indexname, indexdef from pg_indexes where tablename = '${table}' and indexname = '${index}'`,
    `select constraint_type from information_schema.table_constraints where table_name = '${table}' and constraint_type <> 'CHECK'`
  ]
}

for (const { name, skip, open } of databases) {
  t.test(`creates the table that the idempotency store expects, and drops it, on ${name}`, { skip }, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(database, await open(t))
    const run = (statement: string) => app.database.run(async db => (await sql.raw<object>(statement).execute(db)).rows)
    const describe = () => Promise.all(DESCRIPTIONS[name](TABLE).map(run))

    const migrated = await describe()
    t.equal(migrated[0].length, 11, 'up has been run')
    t.match(migrated[1], [{ [name === 'SQLite' ? 'name' : 'indexname']: TABLE.index }])

    await app.database.run(down)
    await t.rejects(run('select * from idempotency'), { message: /idempotency/ })
    for (const statement of createTableStatements(app.database.dialect)) await run(statement)
    t.strictSame(migrated, await describe())

    await app.database.run(down)
    await app.database.run(up)
    t.strictSame(migrated, await describe())
  })
}
