import Fastify from 'fastify'
import { sql } from 'kysely'
import t from 'tap'
import { down, up } from '../../migrations/0002-message.js'
import database from '../../plugins/app/database/index.js'
import { databases } from '../fixtures/database.js'

for (const { name, skip, open } of databases) {
  t.test(`creates and drops the tables of messages on ${name}`, { skip }, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(database, await open(t))
    const run = (statement: string) => app.database.run(async db => (await sql.raw<object>(statement).execute(db)).rows)
    const insert = (id: string, topic: string, sequence: number, status: string, position: number | null) => run(
      `insert into message values ('${id}', '${topic}', '', '', ${sequence}, '${status}', ${position}, null, '')`
    )

    t.same(await run('select * from message'), [], 'up has been run')
    await insert('1', 'a', 1, 'stored', 1)
    await insert('2', 'a', 2, 'accepted', null)
    await insert('3', 'a', 3, 'accepted', null)
    await insert('4', 'b', 1, 'stored', 1)
    await insert('5', 'b', 2, 'accepted', null)
    await insert('6', 'a', 2, 'failed', null)
    await t.rejects(insert('6', 'c', 1, 'stored', 1), { message: /unique/i }, 'rejects a second message with the same id')
    await t.rejects(insert('7', 'a', 4, 'stored', 1), { message: /unique/i }, 'rejects a second message with the same position')
    await t.rejects(insert('7', 'a', 3, 'accepted', null), { message: /unique/i }, 'rejects a second waiting message with the same sequence number')
    await run("insert into message_sequence values ('a', 3)")
    await t.rejects(run("insert into message_sequence values ('a', 4)"), { message: /unique/i })

    await app.database.run(down)
    await t.rejects(run('select * from message'), { message: /message/ })
    await t.rejects(run('select * from message_sequence'), { message: /message_sequence/ })
    await app.database.run(up)
    t.same(await run('select * from message'), [])
  })
}
