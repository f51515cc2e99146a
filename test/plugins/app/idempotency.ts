import t from 'tap'
import { createOperation } from '../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../plugins/idempotency/index.js'
import { databases } from '../../fixtures/database.js'
import { createService } from '../../fixtures/service.js'
import { addTopic, readNames } from '../../fixtures/topics.js'

const operation = createOperation('test', 'a')
const record: NewRecord = { operation, fingerprint: Buffer.alloc(32), state: 'succeeded', answer: { statusCode: 204, headers: {} } }

for (const { name, skip, open } of databases) {
  t.test(`commits records in a transaction of the service on ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    await app.ready()
    const { database, idempotencyStore } = app
    const accept = (topic: string) => database.run(db => db.transaction().execute(async db => {
      await addTopic(topic)(db)
      return await idempotencyStore.insertRecords(db, [record])
    }))
    t.strictSame(await accept('a'), [true])
    t.strictSame(await accept('b'), [false], 'a record of the key is there already')
    t.same(await database.run(readNames), [{ name: 'a' }, { name: 'b' }])
    t.match(await database.run(db => db.selectFrom('idempotency').select(['scope', 'idempotencyKey', 'state', 'status']).execute()), [
      { scope: 'test', idempotencyKey: 'a', state: 'succeeded', status: 204 }
    ])

    await t.rejects(database.run(db => db.transaction().execute(async db => {
      await idempotencyStore.insertRecords(db, [{ ...record, operation: createOperation('test', 'b') }])
      throw new Error('Not today')
    })), { message: 'Not today' })
    t.equal((await database.run(db => db.selectFrom('idempotency').select('scope').execute())).length, 1)
  })
}
