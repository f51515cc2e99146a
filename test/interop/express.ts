import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import fastifyExpress from '@fastify/express'
import type { FastifyInstance } from 'fastify'
import createError from 'http-errors'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

interface ExpressResponse extends ServerResponse {
  status (statusCode: number): this
  sendStatus (statusCode: number): this
  json (value: unknown): this
  send (text: string): this
  sendFile (path: string): this
}

type Handler = (request: unknown, response: ExpressResponse, next: (error: unknown) => void) => unknown

// Express does not contain types.
const { Router } = createRequire(import.meta.url)('express') as { Router: () => { get (path: string, handler: Handler): void } }

const routes = (app: FastifyInstance) => {
  const router = Router()
  router.get('/good', (_request, response) => { response.json({ ok: true }) })
  router.get('/text', (_request, response) => { response.status(404).send('No topic EBT-1') })
  router.get('/json', (_request, response) => { response.status(409).json({ message: 'It is taken' }) })
  router.get('/status', (_request, response) => { response.sendStatus(403) })
  router.get('/end', (_request, response) => { response.status(401).end() })
  router.get('/head', (_request, response) => { response.writeHead(422, 'It makes no sense').end('too late') })
  router.get('/next', (_request, _response, next) => { next(createError(404, 'No topic EBT-1')) })
  router.get('/thrown', () => { throw new Error('a secret') })
  router.get('/rejected', async () => { throw createError(403, 'Not for you') })
  router.get('/file', (_request, response) => { response.sendFile('/missing') })
  app.use('/express', router)
  app.use('/handled', router)
  // The error handler sends the response with Express, and does not pass the error to Fastify.
  app.use('/handled', (error: { status?: number, message: string }, _request: unknown, response: ExpressResponse, _next: unknown) => {
    response.status(error.status ?? 500).json({ message: error.message })
  })
  app.get('/', async () => 'ok')
  app.get('/refused', (_request, reply) => reply.notFound('No topic EBT-1'))
  app.get('/thrown', async () => { throw createError(409, 'It is taken') })
}

t.test('@fastify/express: errors of Express routes and error handlers keep the contract', async t => {
  // With inject(), Express loses the body of every response, even without fastify-reason-phrase.
  testWithPlugin(t, { plugin: app => app.register(fastifyExpress), routes, transports: ['socket'] }, async (t, { request }) => {
    t.match(await request('/'), { statusCode: 200, body: 'ok' })
    t.match(await request('/express/good'), { statusCode: 200, body: '{"ok":true}', headers: { 'content-type': 'application/json; charset=utf-8' } })

    assertError(t, await request('/refused'), 404, 'No topic EBT-1')
    assertError(t, await request('/thrown'), 400, 'It is taken')
    assertError(t, await request('/none'), 404, 'Route GET:/none not found')
    for (const prefix of ['/express', '/handled']) {
      assertError(t, await request(`${prefix}/text`), 404, 'No topic EBT-1')
      assertError(t, await request(`${prefix}/json`), 400, 'It is taken')
      assertError(t, await request(`${prefix}/status`), 403, 'Forbidden')
      assertError(t, await request(`${prefix}/end`), 401, 'Unauthorized')
      assertError(t, await request(`${prefix}/head`), 422, 'It makes no sense')
      assertError(t, await request(`${prefix}/next`), 404, 'No topic EBT-1')
      assertError(t, await request(`${prefix}/rejected`), 403, 'Not for you')
      assertError(t, await request(`${prefix}/file`), 404, /./)
      assertError(t, await request({ method: 'HEAD', url: `${prefix}/json` }), 400, 'It is taken')
    }
    assertError(t, await request('/express/thrown'), 500, 'Internal Server Error')
    assertError(t, await request('/handled/thrown'), 500, 'a secret')
  })
})
