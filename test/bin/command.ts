import { PassThrough, Readable, Writable } from 'node:stream'
import t from 'tap'
import { writeAll } from '../../bin/command.js'
import { run } from '../../bin/run.js'
import { echo, serve } from '../client/fixtures/servers.js'

t.test('ignores EPIPE, and throws any other error that occurs on stdout', async t => {
  const origin = await serve(t, echo)
  const broken = (code: string) => new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error(code), { code })) } })
  const stderr = new PassThrough()
  t.equal(await run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('EPIPE'), stderr }, {}), 0)
  await t.rejects(run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('ENOSPC'), stderr }, {}), { code: 'ENOSPC' })
})

t.test('ignores further output after the reader has closed the pipe', async t => {
  const origin = await serve(t, (_request, response) => { response.writeHead(503).end() })
  const stderr = new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })) } })
  t.equal(await run(['call', 'POST', origin, '--idempotency-key', 'auto'], { stdin: Readable.from([]), stdout: new PassThrough(), stderr }, {}), 2)
  t.ok(stderr.destroyed)
})

t.test('adds no further listeners to a stream with each write', async t => {
  const stream = new PassThrough()
  const before = stream.listenerCount('error')
  for (let i = 0; i < 3; i++) await writeAll(stream, 'a')
  t.equal(stream.listenerCount('error'), before)
  t.equal(String(stream.read()), 'aaa')
})
