import cookie from '@fastify/cookie'
import session, { type FastifySessionOptions } from '@fastify/session'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

declare module 'fastify' {
  interface Session { count?: number }
}

const plugin = (options: Partial<FastifySessionOptions> = {}) => async (app: FastifyInstance) => {
  await app.register(cookie)
  await app.register(session, { secret: 'a secret of at least 32 characters', cookie: { secure: false }, ...options })
}

const routes = (app: FastifyInstance) => {
  app.get('/', async request => String(request.session.count = (request.session.count ?? 0) + 1))
  app.get('/thrown', async request => {
    request.session.count = 10
    throw Object.assign(new Error('There is none'), { statusCode: 404 })
  })
}

t.test('@fastify/session: errors keep the session cookie', async t => {
  testWithPlugin(t, { plugin: plugin(), routes }, async (t, { request }) => {
    const first = await request('/')
    t.equal(first.body, '1')
    const [cookie] = first.headers['set-cookie']!.split(';')
    const known = { cookie: cookie! }
    t.equal((await request({ url: '/', headers: known })).body, '2')

    const thrown = await request({ url: '/thrown', headers: known })
    assertError(t, thrown, 404, 'There is none')
    t.match(thrown.headers['set-cookie'], /^sessionId=/, 'an error keeps the session cookie')
    t.equal((await request({ url: '/', headers: known })).body, '11', 'the session keeps the data that was stored before an error')
    t.equal((await request({ url: '/', headers: { cookie: `${cookie}x` } })).body, '1', 'a cookie with a wrong signature starts a new session')
    t.match((await request('/none')).headers['set-cookie'], /^sessionId=/)
  })
})

t.test('@fastify/session: sends 500 without a message if its store fails', async t => {
  const away = (done: (error: Error) => void) => done(new Error('redis://secret@10.0.0.1 is away'))
  const sessions = new Map<string, object>()
  let failing: 'get' | 'set' | undefined
  const store = {
    get: (id: string, done: (error: Error | null, session?: object) => void) => failing === 'get' ? away(done) : done(null, sessions.get(id)),
    set: (id: string, session: object, done: (error?: Error) => void) => {
      if (failing === 'set') return away(done)
      sessions.set(id, session)
      done()
    },
    destroy: (id: string, done: () => void) => {
      sessions.delete(id)
      done()
    }
  }
  testWithPlugin(t, { plugin: plugin({ store: store as FastifySessionOptions['store'] }), routes }, async (t, { request }) => {
    failing = undefined
    const [cookie] = (await request('/')).headers['set-cookie']!.split(';')
    const headers = { cookie: cookie! }
    failing = 'get'
    for (const url of ['/', '/thrown', '/none']) assertError(t, await request({ url, headers }), 500, /^Internal Server Error$/)
    // The session is stored in an onSend hook, while the response is being sent.
    failing = 'set'
    assertError(t, await request({ url: '/', headers }), 500, /^Internal Server Error$/)
    assertError(t, await request({ url: '/thrown', headers }), 404, /^There is none$/)
    assertError(t, await request({ url: '/none', headers }), 404, /^Route GET:\/none not found$/)
  })
})
