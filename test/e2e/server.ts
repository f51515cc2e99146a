import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { closedPort, Gate } from '../fixtures/database.js'
import { writeKeysFile } from '../fixtures/service.js'
import { sign } from '../fixtures/sign.js'
import { TYPESCRIPT } from '../fixtures/node-process.js'

// Each test starts processes, which takes time.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')

/** Starts server.ts in a process that has only these environment variables. */
function run (t: Test, settings: Record<string, string> = {}, preload?: string) {
  const { HOST, PORT, LOG_LEVEL, DATABASE_FILE, DATABASE_URL, DRAIN_TIME, KEYS_FILE, MESSAGE_BACKLOG, NODE_ENV, ...env } = process.env
  const databaseFile = join(t.testdir(), 'data', 'topics.db')
  // tsx puts all code on one line, so that its coverage would be wrong.
  const args = [TYPESCRIPT, ...(preload ? ['--import', `data:text/javascript,${preload}`] : []), 'server.ts']
  const server = spawn(process.execPath, args, {
    cwd: root,
    env: { ...env, PORT: '0', DATABASE_FILE: databaseFile, KEYS_FILE: writeKeysFile(t), ...settings }
  })
  t.teardown(() => server.kill('SIGKILL'))

  const lines: string[] = []
  const stdout = createInterface(server.stdout).on('line', line => lines.push(line))
  let stderr = ''
  server.stderr.on('data', data => { stderr += data })
  const ended = once(server, 'close')

  return {
    databaseFile,
    server,
    /** Waits for a matching line of the log. */
    async line (pattern: RegExp): Promise<string> {
      for (;;) {
        const line = lines.find(line => pattern.test(line))
        if (line !== undefined) return line
        await Promise.race([once(stdout, 'line'), ended.then(() => { throw new Error(`The process has ended. Its output: ${lines.join('\n')}${stderr}`) })])
      }
    },
    /** Waits for the end of the process. Returns its exit code and its output. */
    async end () {
      const [code] = await ended
      return { code, lines, stderr }
    }
  }
}

/** Returns the address on which a started server listens. */
async function addressOf ({ line }: ReturnType<typeof run>): Promise<URL> {
  const { msg } = JSON.parse(await line(/Server listening at/))
  return new URL(msg.slice(msg.indexOf('http')))
}

t.test('the id of a request is in its error response and in the log', async t => {
  const service = run(t, { HOST: '127.0.0.1', LOG_LEVEL: 'info' })
  const response = await fetch(new URL('/v2/topic', await addressOf(service)))
  t.equal(response.status, 401)
  const id = response.headers.get('x-request-id')!
  t.match(id, /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/)
  t.match(JSON.parse(await service.line(new RegExp(`"reqId":"${id}".*"res":`))), { reqId: id, res: { statusCode: 401 } })
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} waits for the response to a request in flight`, async t => {
    const service = run(t, { HOST: '127.0.0.1', LOG_LEVEL: 'info' })
    const { hostname, port } = await addressOf(service)

    const body = JSON.stringify({ name: 'in flight', description: '', mediaType: 'text/plain' })
    const socket = connect(Number(port), hostname)
    const fields = Object.entries(sign('POST', '/v2/topic', body)).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.write(`POST /v2/topic HTTP/1.1\r\nHost: a\r\n${fields}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body.slice(0, 10))
    await service.line(/incoming request/)
    service.server.kill(signal)
    t.match(JSON.parse(await service.line(/Closing/)), { level: 30, signal })
    socket.write(body.slice(10))

    let response = ''
    for await (const data of socket) response += data
    t.match(response, /^HTTP\/1\.1 201 Created\r\n/)
    t.match(response, /^connection: close\r$/im)
    const { code, stderr } = await service.end()
    t.equal(code, 0)
    t.equal(stderr, '')

    const database = new Libsql(service.databaseFile)
    t.match(database.prepare('select name from topic').all(), [{ name: 'in flight' }])
    database.close()
  })
}

/** Asserts that the service prints only this line, and exits with 1. */
async function assertRefused (t: Test, settings: Record<string, string>, line: string | RegExp, preload?: string): Promise<void> {
  const { code, lines, stderr } = await run(t, { LOG_LEVEL: 'warn', ...settings }, preload).end()
  t.equal(code, 1)
  t.strictSame(lines, [])
  t.match(stderr, line)
  t.match(stderr, /^[^\n]+\n$/, 'prints one line')
  t.notMatch(stderr, 'a secret')
}

t.test('prints one line with the name of the variable, and exits with 1, for an invalid setting', async t => {
  await Promise.all([
    assertRefused(t, { PORT: 'abc' }, 'PORT must be a number from 0 to 65535, not "abc"\n'),
    assertRefused(t, { LOG_LEVEL: 'verbose\n\u001b' }, 'LOG_LEVEL must be fatal, error, warn, info, debug, trace or silent, not "verbose\\n\\u001b"\n')
  ])
})

t.test('prints one line and exits with 1 if the database cannot be reached', async t => {
  const url = `postgres://user:a%20secret@127.0.0.1:${await closedPort()}/topics`
  await assertRefused(t, { DATABASE_URL: url, DATABASE_FILE: '', PORT: '', KEYS_FILE: '', MESSAGE_BACKLOG: '5', NODE_ENV: 'production' }, /^The database of DATABASE_URL cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+\n$/)
})

t.test('prints one line and exits with 1 if the database file cannot be used, also on a terminal', async t => {
  const line = `DATABASE_FILE (${root}) cannot be used: it is a folder, not a file\n`
  await Promise.all([undefined, 'process.stdout.isTTY = true'].map(async preload => { await assertRefused(t, { DATABASE_FILE: root }, line, preload) }))
})

t.test('prints one line and exits with 1 if the keys cannot be read', async t => {
  const file = writeKeysFile(t)
  writeFileSync(file, '[{ "id": "a", "secret": "a secret" ]')
  const none = `${file}.none`
  await Promise.all([
    assertRefused(t, { KEYS_FILE: file }, `KEYS_FILE (${file}) cannot be used: it is not JSON\n`),
    assertRefused(t, { KEYS_FILE: none, NODE_ENV: 'production' }, `KEYS_FILE (${none}) cannot be used: there is no such file\n`)
  ])
})

/** Returns a preload script that makes each import of the module fail. */
function withoutModule (name: string): string {
  const hooks = `export const resolve = (specifier, context, next) => {
    if (specifier === '${name}') throw new Error('It is not installed: ${name}')
    return next(specifier, context)
  }`
  return encodeURIComponent(`import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})`)
}

t.test('starts without the driver of the other database', async t => {
  const onSqlite = run(t, {}, withoutModule('pg'))
  await addressOf(onSqlite)
  onSqlite.server.kill('SIGTERM')
  t.equal((await onSqlite.end()).code, 0)

  const url = `postgres://user@127.0.0.1:${await closedPort()}/topics`
  const onPostgresql = await run(t, { DATABASE_URL: url }, withoutModule('libsql')).end()
  t.match(onPostgresql.stderr, /^The database of DATABASE_URL cannot be reached: connect ECONNREFUSED/)
})

t.test('escapes the line ends of a request in the log on a terminal', async t => {
  const { line, end, server } = run(t, {}, 'process.stdout.isTTY = true')
  const [, url] = /Server listening at (http:\/\/[\d.:]+)/.exec(await line(/Server listening at/))!
  const forged = '\r\n[00:00:00.000] INFO (1): forged\u001b[2J\u0085\u009b1A\u2028'
  const ask = (method: string, target: string, payload?: object) => {
    const body = payload && JSON.stringify(payload)
    return fetch(url + target, { method, body, headers: { ...sign(method, target, body), ...(body && { 'content-type': 'application/json' }) } })
  }
  const topic = { name: 'a', description: '', mediaType: 'text/plain' }
  const { topicId } = await (await ask('POST', '/v2/topic', topic)).json() as { topicId: string }
  const statuses = [
    await ask('POST', '/v2/topic', { ...topic, mediaType: `a/b${forged}` }),
    await ask('POST', '/v2/topic', { ...topic, [`x${forged}`]: 1 }),
    await ask('POST', `/v2/topic/${topicId}/message`, { mediaType: `a/b${forged}`, body: '' }),
    await ask('GET', `/v2/topic?x${encodeURIComponent(forged)}=1`),
    await ask('GET', `/v2/topic/${encodeURIComponent(forged)}`)
  ].map(({ status }) => status)
  t.strictSame(statuses, [422, 400, 422, 400, 400])
  server.kill('SIGTERM')
  const { code, lines } = await end()
  t.equal(code, 0)
  t.equal(lines.filter(line => /^\[.*INFO.*: .*\\r\\n\[00:00:00.000\] INFO \(1\): forged\\u001b\[2J\\u0085\\u009b1A\\u2028/.test(line)).length, 4)
  t.same(lines.filter(line => line.startsWith('[00:00:00') || /[\r\u0085\u009b\u2028]|\u001b\[2J/.test(line)), []) // eslint-disable-line no-control-regex
})

t.test('escapes the line ends of an error in the log on a terminal', async t => {
  const text = 'a\r[00:00:00.000] INFO (1): forged\u001b[2J\n[00:00:00.000] INFO (1): forged'
  const preload = `process.stdout.isTTY = true; process.stdin.once("data", () => { throw new Error(${JSON.stringify(text)}) })`
  const { line, end, server } = run(t, {}, encodeURIComponent(preload))
  await line(/Server listening at/)
  server.stdin.write('now')
  const { lines } = await end()
  t.ok(lines.some(line => /^ +Error: a/.test(line)))
  t.same(lines.filter(line => line.startsWith('[00:00:00') || /\r|\u001b\[2J/.test(line)), []) // eslint-disable-line no-control-regex
})

t.test('prints one line and exits with 1 if it cannot listen', async t => {
  const gate = new Gate(() => {})
  const port = await gate.open()
  t.teardown(() => gate.close())
  await Promise.all([
    assertRefused(t, { PORT: String(port) }, `PORT ${port} is in use on 127.0.0.1. Stop the program that uses it, or set another PORT\n`),
    assertRefused(t, { HOST: 'no-such-host.invalid' }, /^HOST "no-such-host\.invalid" cannot be resolved to an address: E[A-Z_]+\n$/)
  ])
})

t.test('logs the stack of any other error at startup', async t => {
  // Create the file after run(), which empties the folder of the test.
  const folder = mkdtempSync(join(tmpdir(), 'topics-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'other.db')
  const database = new Libsql(file)
  database.exec('create table topic (mine text)')
  database.exec("insert into topic values ('kept')")
  database.close()
  const { code, lines, stderr } = await run(t, { DATABASE_FILE: file, LOG_LEVEL: 'warn' }).end()
  t.equal(code, 1)
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]), { level: 60, err: { message: /table .*topic.* already exists/, stack: String } })
  t.equal(stderr, '')
})

t.test('exits with 1 if a request takes longer than DRAIN_TIME', async t => {
  const service = run(t, { DRAIN_TIME: '300' })
  const { hostname, port } = await addressOf(service)
  const socket = connect(Number(port), hostname).on('error', () => {})
  socket.write('POST /v2/topic HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{')
  await service.line(/incoming request/)
  service.server.kill('SIGTERM')
  t.match(JSON.parse(await service.line(/killed by timeout/)), { level: 50, msg: 'killed by timeout (300ms)' })
  t.equal((await service.end()).code, 1)
})

t.test('logs an uncaught error, closes the service and exits with 1', async t => {
  const service = run(t, {}, 'process.stdin.once("data", () => { throw new Error("Uncaught") })')
  await addressOf(service)
  service.server.stdin.write('now')
  t.match(JSON.parse(await service.line(/Closing/)), { level: 60, err: { message: 'Uncaught' } })
  t.equal((await service.end()).code, 1)
})
