import Fastify from 'fastify'
import { sql } from 'kysely'
import t from 'tap'
import { down, up } from '../../migrations/0001-topic.js'
import database from '../../plugins/app/database/index.js'
import { databases } from '../fixtures/database.js'

for (const { name, skip, open } of databases) {
  t.test(`creates and drops the table of topics on ${name}`, { skip }, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(database, await open(t))
    const run = (statement: string) => app.database.run(async db => (await sql.raw<object>(statement).execute(db)).rows)
    const insert = (topicId: string, name: string, deleteAt: string | null) => run(
      `insert into topic values ('${topicId}', '${name}', '', '', '', ${deleteAt === null ? null : `'${deleteAt}'`})`
    )

    t.same(await run('select * from topic'), [], 'up has been run')
    await insert('1', 'a', '2025-01-01')
    await insert('2', 'a', '2025-01-01')
    await insert('3', 'a', null)
    await t.rejects(insert('4', 'a', null), { message: /unique/i })
    await t.rejects(insert('3', 'b', null), { message: /unique/i })

    await app.database.run(down)
    await t.rejects(run('select * from topic'), { message: /topic/ })
    await app.database.run(up)
    t.same(await run('select * from topic'), [])
  })
}
