import t from 'tap'
import { runChaos } from './fixtures/run-chaos.js'

t.test('reports an invalid option', async t => {
  for (const [parameters, message] of [
    [['--database', 'mysql'], /--database must be one of postgresql, sqlite, not mysql/],
    [['--fault', 'none'], /--fault must be one of record-after-commit, no-tombstone, lease, not none/],
    [['--fault', 'lease', '--database', 'sqlite'], /--fault lease needs --database postgresql/],
    [['--seconds', 'ten'], /--seconds must be an integer of 1 to 10 digits, not ten/],
    [['--kills', 'ten'], /--kills must be an integer of 1 to 10 digits, not ten/]
  ] as const) {
    const { code, output } = await runChaos(t, ...parameters)
    t.equal(code, 1)
    t.match(output, message)
  }
})
