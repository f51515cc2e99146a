import Fastify from 'fastify'
import t from 'tap'
import maintenance from '../../../plugins/maintenance/index.js'
import { MESSAGE, open } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'

t.test('fails to register without fastify-reason-phrase', async t => {
  await t.rejects(async () => await Fastify().register(maintenance).ready(), { message: /dependency 'fastify-reason-phrase'/ })
})

t.test('changes nothing while maintenance is off', async t => {
  const { app, ran } = await open(t)
  t.strictSame(app.maintenance.state, { enabled: false })
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(ran, ['authentication', 'body'])
})

t.test('sends 503 for every request during maintenance, before hooks of later plugins', async t => {
  const { app, ran, lines } = await open(t)
  const state = await app.maintenance.enter({ message: 'We move, back in a moment', retryAfter: 30 })
  t.match(state, { enabled: true, message: 'We move, back in a moment', retryAfter: 30 })
  t.equal(app.maintenance.state, state)
  t.ok(Object.isFrozen(state))

  for (const request of [
    { url: '/' }, { url: '/?a=b' }, { url: '/nothing' }, { method: 'HEAD', url: '/' }, { method: 'OPTIONS', url: '/' }, { method: 'DELETE', url: '/' },
    { method: 'POST', url: '/', payload: '{', headers: { 'content-type': 'application/json' } }
  ] as const) {
    const response = await app.inject(request)
    assertInjectedError(t, response, 503, 'We move, back in a moment')
    t.equal(response.headers['retry-after'], '30')
  }
  t.strictSame(ran, [])
  t.equal((await app.inject('/exempt')).body, 'ok')
  t.equal((await app.inject({ method: 'HEAD', url: '/exempt' })).statusCode, 200)
  assertInjectedError(t, await app.inject({ method: 'DELETE', url: '/exempt' }), 503, 'We move, back in a moment')
  t.equal((await app.inject('/%zz')).statusCode, 400, 'Fastify sends this response before all hooks')

  t.strictSame(await app.maintenance.leave(), { enabled: false })
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(lines.filter(({ msg }) => /^Maintenance/.test(msg)).map(({ level, msg }) => [level, msg]), [[30, 'Maintenance is on'], [30, 'Maintenance is off']])
  t.strictSame(lines.filter(({ level }) => level > 30), [], 'does not log the 503 as an error')
  t.ok(lines.some(({ level, msg }) => level === 30 && msg === 'We move, back in a moment'), 'logs the reason')
})

t.test('passes requests that the option exempt selects', async t => {
  const { app } = await open(t, { exempt: ({ method, routeOptions: { url } }) => url === '/' && method === 'GET' })
  await app.maintenance.enter()
  t.equal((await app.inject('/?a')).body, 'ok')
  t.equal((await app.inject('/exempt')).body, 'ok')
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/' }), 503, MESSAGE)
  assertInjectedError(t, await app.inject('/nothing'), 503, MESSAGE)
})
