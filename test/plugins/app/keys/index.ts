import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../../index.js'
import keys, { type KeysOptions } from '../../../../plugins/app/keys/index.js'
import { sign } from '../../../fixtures/sign.js'

/** A service that tells which key a request has, and the lines of its log. */
async function build (t: Test, options: KeysOptions): Promise<{ app: FastifyInstance, lines: string[], line (pattern: RegExp): Promise<string>, ask (id: string, secret: string): Promise<unknown> }> {
  const lines: string[] = []
  let logged = () => {}
  const stream = new Writable({
    write (line, _encoding, done) {
      lines.push(String(line))
      logged()
      done()
    }
  })
  const app = Fastify(serverOptions({ logger: { stream } }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(keys, options)
  app.get('/', async ({ key }) => key)
  return {
    app,
    lines,
    async line (pattern) {
      for (;;) {
        const line = lines.find(line => pattern.test(line))
        if (line !== undefined) return line
        await new Promise<void>(resolve => { logged = resolve })
      }
    },
    async ask (id, secret) {
      const { statusCode, payload } = await app.inject({ url: '/', headers: sign('GET', '/', '', { key: { id, secret } }) })
      return statusCode === 200 ? JSON.parse(payload) : statusCode
    }
  }
}

const entry = (id: string, secret: string, permissions: string[] = []) => ({ id, secret, permissions })

t.test('A file that is not there is made', async t => {
  const file = join(t.testdir(), 'a', 'keys.json')
  const { lines, ask } = await build(t, { keysFile: file })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const [{ id, secret, permissions }, ...rest] = JSON.parse(readFileSync(file, 'utf8'))
  t.strictSame([id, permissions, rest], ['dev', ['topic:read', 'topic:write', 'message:read', 'message:write', 'operator'], []])
  t.equal(Buffer.from(secret, 'base64url').length, 32)
  t.strictSame(await ask('dev', secret), { id: 'dev', permissions })
  t.equal(await ask('dev', 'another'), 401)
  t.ok(lines.some(line => line.includes(`Made ${file} with a key, dev`)))
  t.notOk(lines.join('').includes(secret), 'and its secret is not in the log')

  const again = await build(t, { keysFile: file })
  t.strictSame(await again.ask('dev', secret), { id: 'dev', permissions }, 'once')

  const another = join(t.testdir(), 'keys.json')
  await build(t, { keysFile: another })
  t.not(JSON.parse(readFileSync(another, 'utf8'))[0].secret, secret)
})

t.test('What a process left that ended as it made the file', async t => {
  const file = join(t.testdir(), 'keys.json')
  // In a container, the next process has the same id.
  const leftovers = [`${file}.${process.pid}`, `${file}.1`]
  for (const leftover of leftovers) writeFileSync(leftover, '[{ "id"', { mode: 0o600 })
  const { lines } = await build(t, { keysFile: file })
  t.ok(lines.some(line => line.includes(`Made ${file}`)))
  t.equal(JSON.parse(readFileSync(file, 'utf8')).length, 1)
  t.strictSame(readdirSync(join(file, '..')).sort(), ['keys.json', ...leftovers.map(leftover => basename(leftover))].sort(), 'and it leaves nothing itself')
})

t.test('Several that start at once have one key', async t => {
  const file = join(t.testdir(), 'keys.json')
  const services = await Promise.all(Array.from({ length: 8 }, () => build(t, { keysFile: file })))
  const [{ id, secret }] = JSON.parse(readFileSync(file, 'utf8'))
  for (const { ask } of services) t.match(await ask(id, secret), { id: 'dev' })
  t.equal(services.flatMap(({ lines }) => lines).filter(line => line.includes('Made ')).length, 1)
  t.strictSame(readdirSync(join(file, '..')), ['keys.json'])
})

t.test('A process that is killed as it makes the file does not keep the next from it', async t => {
  const folder = t.testdir()
  const file = join(folder, 'keys.json')
  // Killed between the draft and the file.
  const preload = 'import fs from "node:fs/promises"; import { syncBuiltinESMExports } from "node:module"; fs.link = () => process.kill(process.pid, "SIGKILL"); syncBuiltinESMExports()'
  const code = `import Fastify from 'fastify'; import keys from '../plugins/app/keys.ts'; await Fastify().register(keys, { keysFile: ${JSON.stringify(file)} })`
  const child = spawn(process.execPath, [...process.execArgv, '--import', `data:text/javascript,${encodeURIComponent(preload)}`, '--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '..', '..', '..', '..'),
    stdio: ['ignore', 'inherit', 'inherit']
  })
  const [, signal] = await once(child, 'exit')
  t.equal(signal, 'SIGKILL')
  const left = readdirSync(folder)
  t.equal(left.length, 1)
  t.notOk(existsSync(file))
  t.equal(statSync(join(folder, left[0])).mode & 0o777, 0o600, 'nobody else can read what it left')

  const { ask } = await build(t, { keysFile: file })
  const [{ id, secret }] = JSON.parse(readFileSync(file, 'utf8'))
  t.match(await ask(id, secret), { id: 'dev' })
})

t.test('In production it must be there', async t => {
  const file = join(t.testdir(), 'keys.json')
  await t.rejects(build(t, { keysFile: file, makeKeys: false }), { message: `The keys (${file}) cannot be read: there is no such file` })
  t.notOk(existsSync(file))
})

t.test('A file that cannot be read is an error that says why', async t => {
  const cases: Array<[content: unknown, reason: string]> = [
    ['[{ "id": "a", "secret": "hidden" ', 'it is not JSON'],
    [{}, '/: Expected array'],
    [[{ id: 'a', permissions: [] }], '/0/secret: Expected required property'],
    [[entry('', 'hidden')], '/0/id: Expected string length greater or equal to 1'],
    [[entry('a', 'hidden', ['topic:raed'])], '/0/permissions/0: Expected union value'],
    [[{ ...entry('a', 'hidden'), extra: 1 }], '/0/extra: Unexpected property'],
    [[entry('a', 'hidden'), entry('a', 'other')], 'the id "a" is there twice']
  ]
  for (const [content, reason] of cases) {
    const file = join(t.testdir({ 'keys.json': typeof content === 'string' ? content : JSON.stringify(content) }), 'keys.json')
    const error = await build(t, { keysFile: file }).then(() => undefined, error => error)
    t.equal(error?.message, `The keys (${file}) cannot be read: ${reason}`)
    t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /hidden/)
  }
  const folder = t.testdir({ 'keys.json': {} })
  await t.rejects(build(t, { keysFile: join(folder, 'keys.json') }), { message: /cannot be read: EISDIR$/ })
  const long = join(folder, 'x'.repeat(300))
  await t.rejects(build(t, { keysFile: long }), { message: `The keys (${long}) cannot be read: ENAMETOOLONG` })
  writeFileSync(join(folder, 'a'), '')
  await t.rejects(build(t, { keysFile: join(folder, 'a', 'keys.json') }), { message: /cannot be read: (EEXIST|ENOTDIR|there is no such file)$/ })
})

t.test('By default it is keys.json', async t => {
  const before = process.cwd()
  process.chdir(t.testdir())
  t.teardown(() => process.chdir(before))
  await build(t, {})
  t.ok(existsSync('keys.json'))
})

t.test('A file that changes is read again', async t => {
  const folder = t.testdir({ 'keys.json': JSON.stringify([entry('a', 'first')]) })
  const file = join(folder, 'keys.json')
  const { lines, line, ask } = await build(t, { keysFile: file })
  // A service that only looks at its file would end.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  t.strictSame(await ask('a', 'first'), { id: 'a', permissions: [] })

  t.test('as an editor puts another in its place', async t => {
    writeFileSync(join(folder, 'new'), JSON.stringify([entry('a', 'second', ['operator']), entry('b', 'third')]))
    renameSync(join(folder, 'new'), file)
    await line(/Read the keys again: 2/)
    t.equal(await ask('a', 'first'), 401)
    t.strictSame(await ask('a', 'second'), { id: 'a', permissions: ['operator'] })
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
  })

  t.test('and a bad edit changes nothing', async t => {
    writeFileSync(file, '[{ "id": "a", "secret": "hidden"')
    const { level, msg } = JSON.parse(await line(/stay as they were/))
    t.equal(level, 50)
    t.equal(msg, `The keys stay as they were. The keys (${file}) cannot be read: it is not JSON`)
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
    rmSync(file)
    await line(/there is no such file/)
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
    writeFileSync(file, JSON.stringify([entry('c', 'fourth')]))
    await line(/Read the keys again: 1/)
    t.equal(await ask('b', 'third'), 401)
    t.strictSame(await ask('c', 'fourth'), { id: 'c', permissions: [] })
  })

  t.test('and no secret is in the log', async t => {
    t.notMatch(lines.join(''), /first|second|third|fourth|hidden/)
  })
})
