import t from 'tap'
import { checkCommit } from '../../../../plugins/idempotency/stores/check-commit.js'

t.test('throws if the last statement did not commit', async t => {
  const error = { message: 'The database has rolled the transaction back, because one of its statements failed' }
  for (const result of [{ command: 'ROLLBACK' }, [{ command: 'SELECT' }, { command: 'ROLLBACK' }]]) t.throws(() => checkCommit(result), error)
  for (const result of [{ command: 'COMMIT' }, [{ command: 'SELECT' }, { command: 'COMMIT' }]]) t.doesNotThrow(() => checkCommit(result))
})
