import t from 'tap'
import { checkCommit } from '../../../../plugins/idempotency/stores/check-commit.js'

t.test('throws if the result of the last statement is not COMMIT', async t => {
  const error = { message: /^fastify-reason-phrase: the database has rolled the transaction back .* Do not catch the errors of statements in a handler$/ }
  for (const result of [{ command: 'ROLLBACK' }, [{ command: 'SELECT' }, { command: 'ROLLBACK' }]]) t.throws(() => checkCommit(result), error)
  for (const result of [{ command: 'COMMIT' }, [{ command: 'SELECT' }, { command: 'COMMIT' }]]) t.doesNotThrow(() => checkCommit(result))
})
