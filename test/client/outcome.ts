import Fastify from 'fastify'
import t from 'tap'
import { outcomeOf } from '../../client/index.js'
import reasonPhrase, { serverOptions } from '../../index.js'

// One date format has no time zone. It must not be read as local time.
process.env.TZ = 'America/New_York'

const response = (status: number, headers: Record<string, string> = {}, statusText = '') => ({ status, statusText, headers: new Headers(headers) })

t.test('returns the outcome for the status code', async t => {
  const outcomes = {
    success: [200, 201, 202, 204, 206, 299],
    rejected: [400, 401, 403, 404, 422, 429, 499],
    unknown: [0, 100, 199, 300, 302, 304, 399, 500, 501, 503, 599, 600]
  }
  for (const [outcome, statuses] of Object.entries(outcomes)) {
    for (const status of statuses) t.strictSame(outcomeOf(response(status)), { outcome, status, reason: `HTTP status ${status}` })
  }
})

t.test('takes the reason from the header, or from the status text, or from the status code', async t => {
  t.equal(outcomeOf(response(404, { 'eb-reason-phrase': 'No topic' }, 'Not Found')).reason, 'No topic')
  t.equal(outcomeOf(response(404, { 'x-reason': 'No topic' }, 'Not Found'), { header: 'X-Reason' }).reason, 'No topic')
  t.equal(outcomeOf(response(404, { 'eb-reason-phrase': 'No topic' }, 'Not Found'), { header: 'X-Reason' }).reason, 'Not Found')
  t.equal(outcomeOf(response(404, { 'eb-reason-phrase': 'No topic' }), {}).reason, 'No topic')
  t.equal(outcomeOf(response(404, { 'eb-reason-phrase': '' }, 'Not Found')).reason, 'Not Found')
  t.equal(outcomeOf(response(404)).reason, 'HTTP status 404')
})

t.test('takes the request id from its header', async t => {
  const withId = response(500, { 'x-request-id': 'req-1', 'x-trace': 'abc' })
  t.equal(outcomeOf(withId).requestId, 'req-1')
  t.equal(outcomeOf(withId, { requestIdHeader: 'X-Trace' }).requestId, 'abc')
  for (const without of [response(500), response(500, { 'x-request-id': '' })]) t.notOk('requestId' in outcomeOf(without))
})

t.test('accepts a Response of fetch, and does not read its body', async t => {
  const body = new Response('text', { status: 503, statusText: 'Later' })
  t.strictSame(outcomeOf(body), { outcome: 'unknown', status: 503, reason: 'Later' })
  t.equal(body.bodyUsed, false)
  t.strictSame(outcomeOf(Response.error()), { outcome: 'unknown', status: 0, reason: 'HTTP status 0' })
})

t.test('Retry-After', async t => {
  const now = Date.parse('1994-11-06T08:49:37Z')
  t.intercept(Date, 'now', { value: () => now })
  const retryAfter = (value: string) => outcomeOf(response(503, { 'retry-after': value })).retryAfter

  t.test('is read as seconds', async t => {
    t.equal(retryAfter('0'), 0)
    t.equal(retryAfter('120'), 120)
    t.equal(retryAfter(' 007 '), 7)
    t.equal(outcomeOf(response(429, { 'retry-after': '1' })).retryAfter, 1)
  })

  t.test('is read as a date in each format of RFC 9110 section 5.6.7', async t => {
    t.equal(retryAfter('Sun, 06 Nov 1994 08:50:37 GMT'), 60)
    t.equal(retryAfter('Sunday, 06-Nov-94 08:50:37 GMT'), 60)
    t.equal(retryAfter('Sun Nov  6 08:50:37 1994'), 60)
    t.equal(retryAfter('Wed Nov 16 08:49:37 1994'), 10 * 24 * 60 * 60)
  })

  t.test('is 0 for a date in the past', async t => {
    t.equal(retryAfter('Sun, 06 Nov 1994 08:49:37 GMT'), 0)
    t.equal(retryAfter('Sat, 05 Nov 1994 08:49:37 GMT'), 0)
  })

  t.test('is rounded up', async t => {
    t.intercept(Date, 'now', { value: () => now + 1 })
    t.equal(retryAfter('Sun, 06 Nov 1994 08:50:37 GMT'), 60)
  })

  t.test('is absent if the field is missing or malformed', async t => {
    const malformed = ['', '-1', '1.5', '+1', '1e3', '0x10', 'soon', '1994-11-06', '1994-11-06T08:50:37Z', '1, 2', 'Sun, 06 Nov 1994 08:50:37', 'Sun, 06 Nox 1994 08:50:37 GMT', 'Sun, 06 Nov 1994 08:50:37 EST', '9'.repeat(16)]
    for (const value of malformed) t.notOk('retryAfter' in outcomeOf(response(503, { 'retry-after': value })), JSON.stringify(value))
    t.notOk('retryAfter' in outcomeOf(response(503)))
  })
})

t.test('reads the responses of the plugin', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/created', (_request, reply) => reply.created({}))
  app.get('/missing', (_request, reply) => reply.notFound('No topic'))
  app.get('/later', (_request, reply) => reply.serviceUnavailable('Later', { retryAfter: 30 }))
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())

  t.strictSame(outcomeOf(await fetch(`${origin}/created`)), { outcome: 'success', status: 201, reason: 'Created' })
  t.strictSame(outcomeOf(await fetch(`${origin}/missing`)), { outcome: 'rejected', status: 404, reason: 'No topic' })
  t.strictSame(outcomeOf(await fetch(`${origin}/later`)), { outcome: 'unknown', status: 503, reason: 'Later', retryAfter: 30 })
})
