import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sqlite } from '../fixtures/database.js'
import { createService, writeKeysFile } from '../fixtures/service.js'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'

// Each command starts a process, which takes time.
t.setTimeout(600_000)

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'command.md'), 'utf8')

/** The commands of the page. */
const commands = Array.from(page.matchAll(/^```sh\n([^]*?)\n```$/gm), ([, code]) => code!.split('\n')).flat()

const without = (program: string): boolean => spawnSync(program, ['--version']).error !== undefined

const topic = (name: string) => JSON.stringify({ name, description: '', mediaType: 'text/plain' })

t.test('each command of docs/command.md works with the example service', async t => {
  const keysFile = writeKeysFile(t)
  chmodSync(keysFile, 0o600)
  const service = await createService(t, { ...await sqlite.open(t), keysFile })
  const url = await service.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir({ bin: {}, tmp: {}, 'topic.json': topic('shipments') })
  // Replace npx, because it would run the build, which can be outdated or missing.
  const program = [process.execPath, TYPESCRIPT, join(root, 'bin', 'fastify-reason-phrase.ts')]
  writeFileSync(join(folder, 'bin', 'npx'), `#!/bin/sh\nshift\nexec ${program.map(word => `'${word}'`).join(' ')} "$@"\n`, { mode: 0o755 })
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, TMPDIR: join(folder, 'tmp'), TOKEN: 'of-a-test' }

  /** Runs a command in the folder, and returns its exit code and output. */
  async function run (command: string): Promise<{ code: number, stdout: string, stderr: string }> {
    const script = command.replaceAll('http://127.0.0.1:3000', url).replaceAll('keys.json', keysFile)
    const process_ = spawn(...withoutTap('bash', '-c', `set -o pipefail; ${script}`), { cwd: folder, env })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) process_[name].setEncoding('utf8').on('data', text => { output[name] += text })
    const code = await new Promise<number>(resolve => { process_.once('close', resolve) })
    return { code, ...output }
  }

  /** The expected output and exit code of a command that contains the first text. The first matching row is used. */
  const printed: Array<[part: string, stdout: RegExp, stderr: RegExp, code?: number]> = [
    ['| jq', /^payments\n$/, /^outcome: success\nstatus: 200\n$/],
    ['-o openapi.json', /^$/, /^outcome: success\nstatus: 200\n$/],
    [' -i', /^HTTP\/1\.1 20[01] [^]*\r\n\r\n/, /./],
    ['settle end-7', /^\{.*"enabled":false/, /^outcome: success\nstatus: 200\n/],
    ['look end-7', /^\{.*"enabled":false/, /^outcome: success\nstatus: 200\n/],
    ['curl $(', /^\{.*"items":\[/, /^/],
    ['sign GET', /^signature: .*\nsignature-input: .*\n$/, /^$/],
    ['check ', /\n\nThe server conforms: \d+ probes passed\.\n$/, /^$/],
    ['call', /^\{/, /^outcome: success\nstatus: 20[01]\n/]
  ]
  t.ok(commands.length > 12)
  for (const command of commands) {
    const missing = ['jq', 'curl'].find(program => new RegExp(`(?:^|\\| )${program} `).test(command) && without(program))
    if (missing !== undefined) {
      t.pass(command, { skip: `there is no ${missing}` })
      continue
    }
    const [, stdout, stderr, code = 0] = printed.find(([part]) => command.includes(part))!
    const result = await run(command)
    t.equal(result.code, code, `${command}\n${result.stdout}${result.stderr}`)
    t.match(result.stdout, stdout, command)
    t.match(result.stderr, stderr, command)
  }

  const { stdout } = await run("npx fastify-reason-phrase check http://127.0.0.1:3000 --request 'GET /v2/topic' --only requests")
  const [, shown] = /^(requests-1: .*\n {2}could not be tested: .*) …$/m.exec(page)!
  t.match(stdout, `\n${shown!}`)
})

t.test('docs/command.md lists each option with a short form', async t => {
  for (const short of ['-H', '-d', '-X', '-i', '-o', '-k', '-h', '-V']) t.match(page, `| \`${short}\``.replace('| `-V', '`-V'))
})
