import { PassThrough, Readable, Writable } from 'node:stream'
import t from 'tap'
import { run } from '../../bin/run.js'
import { echo, serve } from '../client/fixtures/servers.js'

t.test('ignores EPIPE, and throws any other error of stdout', async t => {
  const origin = await serve(t, echo)
  const broken = (code: string) => new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error(code), { code })) } })
  const stderr = new PassThrough()
  t.equal(await run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('EPIPE'), stderr }, {}), 0)
  await t.rejects(run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('ENOSPC'), stderr }, {}), { code: 'ENOSPC' })
})
