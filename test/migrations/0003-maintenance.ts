import Fastify from 'fastify'
import { sql } from 'kysely'
import t from 'tap'
import { down, up } from '../../migrations/0003-maintenance.js'
import database from '../../plugins/app/database/index.js'
import { databases } from '../fixtures/database.js'

for (const { name, skip, open } of databases) {
  t.test(`creates and drops the table of maintenance on ${name}`, { skip }, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(database, await open(t))
    const run = (statement: string) => app.database.run(async db => (await sql.raw<object>(statement).execute(db)).rows)

    t.same(await run('select * from maintenance'), [], 'up has been run')
    await run("insert into maintenance values (1, 'a', '2025-01-01', null, 60)")
    await t.rejects(run("insert into maintenance values (1, 'b', '2025-01-01', null, 60)"), { message: /unique/i })
    await t.rejects(run("insert into maintenance values (2, 'b', '2025-01-01', null, 60)"), { message: /check/i })

    await app.database.run(down)
    await t.rejects(run('select * from maintenance'), { message: /maintenance/ })
    await app.database.run(up)
    t.same(await run('select * from maintenance'), [])
  })
}
