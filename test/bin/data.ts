import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serveSigned } from '../client/fixtures/servers.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const call = async (args: string[], input?: Input) => await runCommand(['call', ...args], input)

/** Writes a file into the directory of the test, and returns its path. */
function file (t: Test, name: string, content: string | Buffer): string {
  const path = join(t.testdirName, name)
  writeFileSync(path, content)
  return path
}

t.test('--data sends text, JSON, a file or standard input', async t => {
  t.testdir()
  const origin = await serveSigned(t, 'dev', 'hush')
  const sent = async (data: string, { stdin, headers = [] }: { stdin?: string | Buffer, headers?: string[] } = {}) => {
    const { stdout } = await call(['POST', origin, '--key', 'dev:hush', '--json', `--data=${data}`, ...headers.flatMap(header => ['--header', header])], { stdin })
    const { headers: { 'content-type': type }, body } = JSON.parse(stdout).body
    return { type, body: Buffer.from(body, 'latin1').toString() }
  }
  t.strictSame(await sent('{ "a": "é" }'), { type: 'application/json', body: '{ "a": "é" }' })
  t.strictSame(await sent('1'), { type: 'application/json', body: '1' })
  t.strictSame(await sent('{a}'), { type: 'text/plain;charset=UTF-8', body: '{a}' })
  t.strictSame(await sent(''), { type: 'text/plain;charset=UTF-8', body: '' })
  t.strictSame(await sent('{}', { headers: ['content-type: application/merge-patch+json'] }), { type: 'application/merge-patch+json', body: '{}' })
  t.strictSame(await sent(`@${file(t, 'data.json', '[1]\n')}`), { type: 'application/json', body: '[1]\n' })
  t.match(await sent(`@${file(t, 'data', Buffer.of(0xff, 0))}`), { type: 'application/octet-stream' })
  t.strictSame(await sent('-', { stdin: 'téxt' }), { type: 'text/plain;charset=UTF-8', body: 'téxt' })
  t.strictSame(await sent('-', { stdin: Buffer.from('{}') }), { type: 'application/json', body: '{}' })
  t.match(await call(['POST', origin, '--key', 'dev:hush', '--data', '-'], { stdin: '{}' }), { code: 0 })
  t.match(await call(['POST', origin, '--data', `@${join(t.testdirName, 'nothing')}`]), { code: 64, stderr: 'The file of --data cannot be read (ENOENT)' })
})
