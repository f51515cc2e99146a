import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildWithKeys } from '../fixtures/keys.js'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'

t.test('the next process creates the key file if a process is killed while it creates the file', async t => {
  const folder = t.testdir()
  const file = join(folder, 'keys.json')
  // Kill the process after it has written the temporary file.
  const preload = 'import fs from "node:fs/promises"; import { syncBuiltinESMExports } from "node:module"; fs.link = () => process.kill(process.pid, "SIGKILL"); syncBuiltinESMExports()'
  const code = `import Fastify from 'fastify'; import keys from './plugins/app/keys/index.ts'; await Fastify().register(keys, { keysFile: ${JSON.stringify(file)} })`
  const child = spawn(...withoutTap(process.execPath, TYPESCRIPT, '--import', `data:text/javascript,${encodeURIComponent(preload)}`, '--input-type=module', '-e', code), {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'inherit', 'inherit']
  })
  const [, signal] = await once(child, 'exit')
  t.equal(signal, 'SIGKILL')
  const left = readdirSync(folder)
  t.equal(left.length, 1)
  t.notOk(existsSync(file))
  t.equal(statSync(join(folder, left[0])).mode & 0o777, 0o600, 'only the owner can read the temporary file that is left over')

  const { ask } = await buildWithKeys(t, { keysFile: file })
  const [{ id, secret }] = JSON.parse(readFileSync(file, 'utf8'))
  t.match(await ask(id, secret), { id: 'dev' })
})
