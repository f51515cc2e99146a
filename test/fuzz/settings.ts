import t from 'tap'
import { readInteger, readSeed } from '../../fuzz/settings.js'

t.test('reads an integer from the command line, or from the environment', async t => {
  t.intercept(process, 'argv', { value: ['node', 'script'] })
  t.equal(readInteger(0, 'A_NUMBER', 3), 3)
  process.env.A_NUMBER = '-5'
  t.teardown(() => { delete process.env.A_NUMBER })
  t.equal(readInteger(0, 'A_NUMBER', 3), -5)
  t.intercept(process, 'argv', { value: ['node', 'script', '7'] })
  t.equal(readInteger(0, 'A_NUMBER', 3), 7)
  t.equal(readSeed(0), 7)
})

t.test('throws for a value that is not an integer', async t => {
  t.intercept(process, 'argv', { value: ['node', 'script', '1e3'] })
  t.throws(() => readInteger(0, 'RUNS', 1), { message: 'RUNS must be an integer, not 1e3' })
})
