import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { buildWithKeys } from '../../../fixtures/keys.js'

const entry = (id: string, secret: string, permissions: string[] = []) => ({ id, secret, permissions })

t.test('creates a missing file with one key, and does not log its secret', async t => {
  const file = join(t.testdir(), 'a', 'keys.json')
  const { lines, ask } = await buildWithKeys(t, { keysFile: file })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const [{ id, secret, permissions }, ...rest] = JSON.parse(readFileSync(file, 'utf8'))
  t.strictSame([id, permissions, rest], ['dev', ['topic:read', 'topic:write', 'message:read', 'message:write', 'operator'], []])
  t.equal(Buffer.from(secret, 'base64url').length, 32)
  t.strictSame(await ask('dev', secret), { id: 'dev', permissions })
  t.equal(await ask('dev', 'another'), 401)
  t.ok(lines.some(line => line.includes(`Created ${file} with one key, dev`)))
  t.notOk(lines.join('').includes(secret), 'does not log the secret')

  const again = await buildWithKeys(t, { keysFile: file })
  t.strictSame(await again.ask('dev', secret), { id: 'dev', permissions }, 'does not create the file again')

  const another = join(t.testdir(), 'keys.json')
  await buildWithKeys(t, { keysFile: another })
  t.not(JSON.parse(readFileSync(another, 'utf8'))[0].secret, secret)
})

t.test('creates the file even if another process has left a draft', async t => {
  const file = join(t.testdir(), 'keys.json')
  // In a container, each process has the same id.
  const leftovers = [`${file}.${process.pid}`, `${file}.1`]
  for (const leftover of leftovers) writeFileSync(leftover, '[{ "id"', { mode: 0o600 })
  const { lines } = await buildWithKeys(t, { keysFile: file })
  t.ok(lines.some(line => line.includes(`Created ${file}`)))
  t.equal(JSON.parse(readFileSync(file, 'utf8')).length, 1)
  t.strictSame(readdirSync(join(file, '..')).sort(), ['keys.json', ...leftovers.map(leftover => basename(leftover))].sort(), 'removes its own draft')
})

t.test('creates one key if several services start at the same time', async t => {
  const file = join(t.testdir(), 'keys.json')
  const services = await Promise.all(Array.from({ length: 8 }, () => buildWithKeys(t, { keysFile: file })))
  const [{ id, secret }] = JSON.parse(readFileSync(file, 'utf8'))
  for (const { ask } of services) t.match(await ask(id, secret), { id: 'dev' })
  t.equal(services.flatMap(({ lines }) => lines).filter(line => line.includes('Created ')).length, 1)
  t.strictSame(readdirSync(join(file, '..')), ['keys.json'])
})

t.test('throws for a missing file with makeKeys: false', async t => {
  const file = join(t.testdir(), 'keys.json')
  await t.rejects(buildWithKeys(t, { keysFile: file, makeKeys: false }), { message: `KEYS_FILE (${file}) cannot be used: there is no such file` })
  t.notOk(existsSync(file))
})

t.test('explains the problem with an invalid file, and quotes no secret', async t => {
  const cases: Array<[content: unknown, reason: string]> = [
    ['[{ "id": "a", "secret": "hidden" ', 'it is not JSON'],
    [{}, '/: Expected array'],
    [[{ id: 'a', permissions: [] }], '/0/secret: Expected required property'],
    [[entry('', 'hidden')], '/0/id: Expected string length greater or equal to 1'],
    [[entry('a', 'hidden', ['topic:raed'])], '/0/permissions/0: it must be one of the permissions topic:read, topic:write, message:read, message:write, operator'],
    [[{ ...entry('a', 'hidden'), extra: 1 }], '/0/extra: Unexpected property'],
    [[entry('a', 'hidden'), entry('a', 'other')], 'two keys have the id "a"']
  ]
  for (const [content, reason] of cases) {
    const file = join(t.testdir({ 'keys.json': typeof content === 'string' ? content : JSON.stringify(content) }), 'keys.json')
    const error = await buildWithKeys(t, { keysFile: file }).then(() => undefined, error => error)
    t.equal(error?.message, `KEYS_FILE (${file}) cannot be used: ${reason}`)
    t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /hidden/)
  }
  const folder = t.testdir({ 'keys.json': {} })
  await t.rejects(buildWithKeys(t, { keysFile: join(folder, 'keys.json') }), { message: /cannot be used: it is a folder, not a file$/ })
  const long = join(folder, 'x'.repeat(300))
  await t.rejects(buildWithKeys(t, { keysFile: long }), { message: `KEYS_FILE (${long}) cannot be used: its name is too long` })
  writeFileSync(join(folder, 'a'), '')
  await t.rejects(buildWithKeys(t, { keysFile: join(folder, 'a', 'keys.json') }), { message: /cannot be used: a part of its path is a file, not a folder$/ })
})

t.test('uses the file keys.json by default', async t => {
  const before = process.cwd()
  process.chdir(t.testdir())
  t.teardown(() => process.chdir(before))
  await buildWithKeys(t, {})
  t.ok(existsSync('keys.json'))
})

t.test('reads a changed file again', async t => {
  const folder = t.testdir({ 'keys.json': JSON.stringify([entry('a', 'first')]) })
  const file = join(folder, 'keys.json')
  const { lines, line, ask } = await buildWithKeys(t, { keysFile: file })
  // The watcher does not keep the process alive, so this timer does.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  t.strictSame(await ask('a', 'first'), { id: 'a', permissions: [] })

  t.test('if an editor replaces the file by a new one', async t => {
    writeFileSync(join(folder, 'new'), JSON.stringify([entry('a', 'second', ['operator']), entry('b', 'third')]))
    renameSync(join(folder, 'new'), file)
    await line(/Reloaded the keys: 2/)
    t.equal(await ask('a', 'first'), 401)
    t.strictSame(await ask('a', 'second'), { id: 'a', permissions: ['operator'] })
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
  })

  t.test('keeps the earlier keys if the changed file is invalid', async t => {
    writeFileSync(file, '[{ "id": "a", "secret": "hidden"')
    const { level, msg } = JSON.parse(await line(/stay in use/))
    t.equal(level, 50)
    t.equal(msg, `The previous keys stay in use. KEYS_FILE (${file}) cannot be used: it is not JSON`)
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
    rmSync(file)
    await line(/there is no such file/)
    t.strictSame(await ask('b', 'third'), { id: 'b', permissions: [] })
    writeFileSync(file, JSON.stringify([entry('c', 'fourth')]))
    await line(/Reloaded the keys: 1/)
    t.equal(await ask('b', 'third'), 401)
    t.strictSame(await ask('c', 'fourth'), { id: 'c', permissions: [] })
  })

  t.test('logs no secret', async t => {
    t.notMatch(lines.join(''), /first|second|third|fourth|hidden/)
  })
})
