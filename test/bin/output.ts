import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { serve } from '../client/fixtures/servers.js'
import { runCommand, runForBytes } from './fixtures/run-command.js'

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** Starts a server that sends bytes, and returns its URL and the number of requests. */
async function start (t: Test) {
  const sent: string[] = []
  const url = await serve(t, ({ url }, response) => {
    sent.push(url)
    if (url === '/missing') response.writeHead(404, { 'eb-reason-phrase': 'No file' }).end()
    else if (url === '/empty') response.writeHead(204).end()
    else response.end(BYTES)
  })
  return { url, sent }
}

t.test('--output writes the body to a file, and the outcome to standard error', async t => {
  const folder = t.testdir({ existing: 'longer than the body'.repeat(20) })
  const { url } = await start(t)
  for (const [name, args] of [['new', ['-o']], ['existing', ['--output']]] as const) {
    const file = join(folder, name)
    for (const isTTY of [false, true]) {
      const { code, stdout, stderr } = await runCommand(['call', 'GET', url, ...args, file], { isTTY, env: { NO_COLOR: '1' } })
      t.strictSame([code, stdout, stderr], [0, '', isTTY ? 'success 200\n' : 'outcome: success\nstatus: 200\n'])
      t.ok(readFileSync(file).equals(BYTES))
    }
  }
  t.match(await runCommand(['call', 'GET', `${url}/empty`, '-o', join(folder, 'empty')]), { code: 0 })
  t.equal(readFileSync(join(folder, 'empty'), 'utf8'), '', 'writes an empty file for an empty body')
  t.match(await runCommand(['call', 'GET', url, '-io', join(folder, 'with head')]), { code: 0, stdout: '' })
  t.match(readFileSync(join(folder, 'with head'), 'latin1'), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\0/)
  t.match(await runCommand(['call', 'GET', `${url}/missing`, '--json', '-o', join(folder, 'json')]), { code: 1, stdout: '', stderr: '' })
  t.match(JSON.parse(readFileSync(join(folder, 'json'), 'utf8')), { outcome: 'rejected', reason: 'No file' })
})

t.test('--output neither changes nor creates the file if there is no success', async t => {
  const folder = t.testdir({ existing: 'text' })
  const { url } = await start(t)
  for (const name of ['existing', 'new']) t.match(await runCommand(['call', 'GET', `${url}/missing`, '-o', join(folder, name)]), { code: 1, stdout: '', stderr: 'reason: No file' })
  t.equal(readFileSync(join(folder, 'existing'), 'utf8'), 'text')
  t.notOk(existsSync(join(folder, 'new')))
})

t.test('--output - writes the body to standard output, also on a terminal', async t => {
  const { url } = await start(t)
  for (const isTTY of [false, true]) {
    const { stdout, stderr } = await runForBytes(['call', 'GET', url, '--output', '-'], { isTTY, env: { NO_COLOR: '1' } })
    t.ok(stdout.equals(BYTES))
    t.match(stderr, /^(?:success 200\n|outcome: success\nstatus: 200\n)$/)
  }
})

t.test('sends nothing if the file of --output cannot be written', async t => {
  const folder = t.testdir({ file: '' })
  const { url, sent } = await start(t)
  mkdirSync(join(folder, 'folder'))
  for (const [name, problem] of [['no/such/folder', 'there is no such folder'], ['folder', 'it is a folder, not a file'], ['file/a', 'a part of its path is a file, not a folder']]) {
    for (const command of [['call', 'POST', url, '-d', '{}'], ['settle', 'k1', '--url', url]]) {
      t.match(await runCommand([...command, '--output', join(folder, name!)]), { code: 64, stdout: '', stderr: `fastify-reason-phrase: The file of --output cannot be written: ${problem}\n` })
    }
  }
  t.match(await runCommand(['call', 'GET', url, '--output', '']), { code: 64, stderr: 'The file of --output cannot be written: there is no such folder' })
  t.strictSame(sent, [])
})

t.test('exits with 70 if the body of a success cannot be written', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, async t => {
  const { url, sent } = await start(t)
  t.strictSame(await runCommand(['call', 'GET', url, '-o', '/dev/full']), {
    code: 70, stdout: '', stderr: 'outcome: success\nstatus: 200\nfastify-reason-phrase: The file of --output cannot be written: the disk is full\n'
  })
  t.equal(sent.length, 1)
})

t.test('--output writes to a pipe', { skip: process.platform === 'win32' && 'there is no mkfifo' }, async t => {
  const pipe = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [pipe])
  const { url } = await start(t)
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] })
  const read = buffer(reader.stdout)
  t.match(await runCommand(['call', 'GET', url, '-o', pipe]), { code: 0 })
  t.ok((await read).equals(BYTES))
})
