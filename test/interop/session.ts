import cookie from '@fastify/cookie'
import session, { type FastifySessionOptions } from '@fastify/session'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

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

t.test('@fastify/session', async t => {
  interop(t, { plugin: plugin(), routes }, async (t, { ask }) => {
    const first = await ask('/')
    t.equal(first.body, '1')
    const [cookie] = first.headers['set-cookie']!.split(';')
    const known = { cookie: cookie! }
    t.equal((await ask({ url: '/', headers: known })).body, '2')

    const thrown = await ask({ url: '/thrown', headers: known })
    refused(t, thrown, 404, 'There is none')
    t.match(thrown.headers['set-cookie'], /^sessionId=/, 'an error keeps the session')
    t.equal((await ask({ url: '/', headers: known })).body, '11', 'and what it stored')
    t.equal((await ask({ url: '/', headers: { cookie: `${cookie}x` } })).body, '1', 'a cookie that is not its own begins another')
    t.match((await ask('/none')).headers['set-cookie'], /^sessionId=/)
  })
})

t.test('A store that fails', async t => {
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
  interop(t, { plugin: plugin({ store: store as FastifySessionOptions['store'] }), routes }, async (t, { ask }) => {
    failing = undefined
    const [cookie] = (await ask('/')).headers['set-cookie']!.split(';')
    const headers = { cookie: cookie! }
    failing = 'get'
    for (const url of ['/', '/thrown', '/none']) refused(t, await ask({ url, headers }), 500, /^Internal Server Error$/)
    // It stores the session while the answer is sent.
    failing = 'set'
    refused(t, await ask({ url: '/', headers }), 500, /^Internal Server Error$/)
    refused(t, await ask({ url: '/thrown', headers }), 404, /^There is none$/)
    refused(t, await ask({ url: '/none', headers }), 404, /^Route GET:\/none not found$/)
  })
})
