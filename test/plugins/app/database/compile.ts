import { sql } from 'kysely'
import t from 'tap'
import type { Parameters } from '../../../../plugins/app/database/compile.js'
import { databases } from '../../../fixtures/database.js'
import { openDatabase } from '../../../fixtures/topics.js'

for (const { name, skip, open } of databases) {
  t.test(`on ${name}, app.database.compile`, { skip }, async t => {
    const { database: { run, compile, elementsOf } } = await openDatabase(t, await open(t))
    let builds = 0
    const insert = compile((db, { id, text }: Parameters<{ id: string, text: string }>) => {
      builds++
      return db.insertInto('topic')
        .values({ topicId: id, name: text, description: text, mediaType: 'text/plain', createAt: '', deleteAt: null })
        .returning(['topicId', 'mediaType'])
        .compile()
    })
    const select = compile((db, { ids }: Parameters<{ ids: string }>) => sql<{ topicId: string, description: string }>`
      select topic_id, description from topic where topic_id in (select value ->> 0 from ${elementsOf(ids)}) order by 1`.compile(db))

    t.strictSame(await run(db => insert(db, { id: 'a', text: 'A' })), [{ topicId: 'a', mediaType: 'text/plain' }])
    await run(db => insert(db, { id: 'b', text: 'B' }))
    t.equal(builds, 1, 'builds the query once')
    t.strictSame(await run(db => select(db, { ids: '[["a"], ["b"], ["c"]]' })), [{ topicId: 'a', description: 'A' }, { topicId: 'b', description: 'B' }])
    t.strictSame(await run(db => select(db, { ids: '[]' })), [])

    await t.rejects(run(db => db.transaction().execute(async db => {
      await insert(db, { id: 'c', text: 'C' })
      t.same(await select(db, { ids: '[["c"]]' }), [{ topicId: 'c', description: 'C' }], 'runs in a transaction')
      throw new Error('A mistake')
    })), { message: 'A mistake' })
    t.strictSame(await run(db => select(db, { ids: '[["c"]]' })), [], 'is rolled back with the transaction')
  })
}
