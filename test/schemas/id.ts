import t from 'tap'
import { Id, OwnId } from '../../schemas/id.js'
import { matchesSchema } from '../fixtures/service.js'

t.test('Id accepts the prefix and 32 hexadecimal digits in upper or lower case only', async t => {
  const schema = Id('EBT', 'The topic')
  t.ok(matchesSchema(schema, `EBT-${'aF'.repeat(16)}`))
  for (const wrong of [`EBM-${'0'.repeat(32)}`, `ebt-${'0'.repeat(32)}`, `EBT-${'0'.repeat(31)}`, `EBT-${'g'.repeat(32)}`]) t.notOk(matchesSchema(schema, wrong), wrong)
})

t.test('the example of OwnId matches Id', async t => {
  for (const prefix of ['EBM', 'EBS', 'EBT'] as const) t.ok(matchesSchema(Id(prefix, ''), OwnId(prefix).examples[0]), prefix)
})
