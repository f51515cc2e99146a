import { join } from 'node:path'
import t from 'tap'
import { runNode } from './fixtures/node-process.js'

// TSTyche compiles a program for each entry of the package.
t.setTimeout(300_000)

// TSTyche uses only one core, so it runs beside other tests.
t.test('the type tests in test/types/ pass', async t => {
  const { code, output } = await runNode([join('node_modules', 'tstyche', 'build', 'bin.js')])
  t.equal(code, 0, 'TSTyche ends without an error')
  t.match(output, /^Tests: +\d+ passed, \d+ total$/m, 'its report')
})
