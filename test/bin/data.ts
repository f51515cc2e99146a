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

t.test('--data sends JSON or other data, a file or standard input', async t => {
  t.testdir()
  const origin = await serveSigned(t, 'dev', 'hush')
  const sent = async (data: string, { stdin, headers = [] }: { stdin?: string | Buffer, headers?: string[] } = {}) => {
    const { stdout } = await call(['POST', origin, '--key', 'dev:hush', '--json', `--data=${data}`, ...headers.flatMap(header => ['--header', header])], { stdin })
    const { headers: { 'content-type': type }, body } = JSON.parse(stdout).body
    return { type, body: Buffer.from(body, 'latin1').toString() }
  }
  t.strictSame(await sent('{ "a": "é" }'), { type: 'application/json', body: '{ "a": "é" }' })
  t.strictSame(await sent('1'), { type: 'application/json', body: '1' })
  t.strictSame(await sent('{a}', { headers: ['content-type: text/plain;charset=UTF-8'] }), { type: 'text/plain;charset=UTF-8', body: '{a}' })
  t.strictSame(await sent(''), { type: undefined, body: '' })
  t.strictSame(await sent('', { headers: ['content-type: text/plain'] }), { type: 'text/plain', body: '' })
  t.strictSame(await sent('{}', { headers: ['content-type: application/merge-patch+json'] }), { type: 'application/merge-patch+json', body: '{}' })
  t.strictSame(await sent(`@${file(t, 'data.json', '[1]\n')}`), { type: 'application/json', body: '[1]\n' })
  t.match(await sent(`@${file(t, 'data', Buffer.of(0xff, 0))}`, { headers: ['Content-Type: image/png'] }), { type: 'image/png' })
  for (const stdin of ['-', '@-']) {
    t.strictSame(await sent(stdin, { stdin: 'téxt', headers: ['content-type: text/plain'] }), { type: 'text/plain', body: 'téxt' })
    t.strictSame(await sent(stdin, { stdin: Buffer.from('{}') }), { type: 'application/json', body: '{}' })
  }
  t.match(await call(['POST', origin, '--key', 'dev:hush', '--data', '-'], { stdin: '{}' }), { code: 0 })
  t.match(await call(['POST', origin, '--data', `@${join(t.testdirName, 'nothing')}`]), { code: 64, stderr: 'The file of --data cannot be read: there is no such file' })
})

t.test('rejects --data that is not JSON, unless --header sets another Content-Type', async t => {
  t.testdir()
  let requests = 0
  const origin = await serveSigned(t, 'dev', 'hush', (_request, response) => {
    requests++
    response.end()
  })
  const other = "Other data needs its type: --header 'Content-Type: text/plain'"
  const wrong: Array<[args: string[], message: string | RegExp, stdin?: string]> = [
    [['--data', '{bad'], /^--data is not JSON(?: \(at character 2\))?\. Other data needs its type: --header 'Content-Type: text\/plain'$/],
    [['-d', '{"name": hush}'], /^--data is not JSON/],
    [['--data', "{'name':'hush'}"], /^--data is not JSON/],
    [['--data', 'name=hush'], /^--data is not JSON/],
    [['--data', '{"name":"hush"'], /^--data is not JSON/],
    [['--data', ' '], `--data is not JSON. ${other}`],
    [['--data', '-'], /^--data is not JSON/, 'hush'],
    [['--data', '@-'], /^--data is not JSON/, ''.padEnd(3)],
    [['--data', `@${file(t, 'text', 'hush')}`], /^--data is not JSON/],
    [['--data', `@${file(t, 'bytes', Buffer.of(0xff, 0))}`], `--data is not JSON, because it is not UTF-8. ${other}`]
  ]
  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/merge-patch+json']) {
    for (const data of ['{hush', '']) wrong.push([['--data', data, '-H', `Content-Type: ${type}`], /^--data is not JSON.*\. The Content-Type says that it is$/])
  }
  for (const command of ['call', 'sign']) {
    for (const [args, message, stdin] of wrong) {
      const { code, stdout, stderr } = await runCommand([command, 'POST', origin, '--key', 'dev:hush', ...args], { stdin })
      t.equal(code, 64, args.join(' '))
      t.equal(stdout, '')
      t.match(stderr.split('\n')[0]!.replace('fastify-reason-phrase: ', ''), message)
      t.notMatch(stderr, /hush/)
    }
  }
  t.equal(requests, 0)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonl', 'application/x-json-stream', '']) {
    t.match(await call(['POST', origin, '--key', 'dev:hush', '--data', '{bad', '-H', `Content-Type: ${type}`]), { code: 0 }, type)
  }
})
