import t, { type Test } from 'tap'
import { serve } from '../client/fixtures/servers.js'
import { runCommand } from './fixtures/run-command.js'

/** Calls a server that sends 503 and then 204. Returns the exit code, the output and the number of requests. */
async function call (t: Test, args: string[]) {
  let requests = 0
  const origin = await serve(t, (_request, response) => { response.writeHead(++requests === 1 ? 503 : 204).end() })
  const printed = await runCommand(['call', 'PUT', origin, ...args])
  return { ...printed, requests }
}

/** Makes the client retry without a delay. */
const withoutDelays = (t: Test) => t.intercept(Math, 'random', { value: () => 0 })

t.test('--retry takes a duration, in seconds if it has no unit', async t => {
  withoutDelays(t)
  for (const duration of ['60s', '60', '2m', '1h', '5000ms', '59.5', '596h']) t.match(await call(t, ['--retry', duration]), { code: 0, requests: 2 }, duration)
  for (const duration of ['', 'soon', '0', '0.5ms', '597h', '-1', '60 s', '1d']) {
    const { code, stdout, stderr, requests } = await call(t, [`--retry=${duration}`])
    t.strictSame([code, stdout, requests], [64, '', 0], duration)
    t.equal(stderr.split('\n')[0], 'fastify-reason-phrase: --retry must be a duration from 1ms to 596h, such as 60s or 2m')
  }
})

t.test('--timeout takes a duration, in milliseconds if it has no unit', async t => {
  const origin = await serve(t, () => {})
  for (const timeout of ['50', '50ms', '0.05s']) t.match(await runCommand(['call', 'GET', origin, '--timeout', timeout]), { code: 2, stderr: 'reason: No response within 50 ms\n' }, timeout)
})

t.test('--timeout limits each attempt of --retry', async t => {
  withoutDelays(t)
  let attempts = 0
  const origin = await serve(t, (_request, response) => { if (++attempts > 2) response.end() })
  t.match(await runCommand(['call', 'GET', origin, '--timeout', '50', '--retry', '60s']), { code: 0, stderr: /attempt 1: No response within 50 ms[^]*attempt 2: No response within 50 ms[^]*\noutcome: success\nstatus: 200\nattempts: [3-9]\d*\nreplayed: false\n$/ })
})

t.test('only the duration limits the number of attempts of --retry', async t => {
  withoutDelays(t)
  let attempts = 0
  const origin = await serve(t, (_request, response) => { response.writeHead(++attempts > 20 ? 204 : 503).end() })
  t.match(await runCommand(['call', 'GET', origin, '--retry', '60s']), { code: 0, stderr: 'attempts: 21' })
})

t.test('--outcomes must be a path', async t => {
  for (const outcomes of ['hush', '/a/', '/a?hush']) {
    const { code, stderr } = await runCommand(['look', 'k1', '--url', 'http://127.0.0.1', '--outcomes', outcomes])
    t.equal(code, 64)
    t.equal(stderr.split('\n')[0], 'fastify-reason-phrase: outcomes must be a path without a query and without a slash at its end')
    t.notMatch(stderr, /hush/)
  }
})
