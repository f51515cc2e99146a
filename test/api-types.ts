import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { withoutTap } from './fixtures/node-process.js'

// TSTyche compiles a program for each entry of the package.
t.setTimeout(300_000)

// TSTyche uses only one core, so it runs beside other tests.
t.test('the type tests in test/types/ pass', async t => {
  const program = join('node_modules', 'tstyche', 'build', 'bin.js')
  const child = spawn(...withoutTap(process.execPath, program), { cwd: join(import.meta.dirname, '..'), env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  const code = await new Promise(resolve => { child.once('close', resolve) })
  t.equal(code, 0, 'TSTyche ends without an error')
  t.match(output, /^Tests: +\d+ passed, \d+ total$/m, 'its report')
})
