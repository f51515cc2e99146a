import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import fastifyExpress from '@fastify/express'
import type { FastifyInstance } from 'fastify'
import createError from 'http-errors'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

interface Response extends ServerResponse {
  status (statusCode: number): this
  sendStatus (statusCode: number): this
  json (value: unknown): this
  send (text: string): this
  sendFile (path: string): this
}

type Handler = (request: unknown, response: Response, next: (error: unknown) => void) => unknown

// Express has no types of its own.
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
  // Express answers in its own way, and never comes back.
  app.use('/handled', (error: { status?: number, message: string }, _request: unknown, response: Response, _next: unknown) => {
    response.status(error.status ?? 500).json({ message: error.message })
  })
  app.get('/', async () => 'ok')
  app.get('/refused', (_request, reply) => reply.notFound('No topic EBT-1'))
  app.get('/thrown', async () => { throw createError(409, 'It is taken') })
}

t.test('@fastify/express', async t => {
  // By inject Express loses the body of every response, with or without ours.
  interop(t, { plugin: app => app.register(fastifyExpress), routes, ways: ['a socket'] }, async (t, { ask }) => {
    t.match(await ask('/'), { statusCode: 200, body: 'ok' })
    t.match(await ask('/express/good'), { statusCode: 200, body: '{"ok":true}', headers: { 'content-type': 'application/json; charset=utf-8' } })

    refused(t, await ask('/refused'), 404, 'No topic EBT-1')
    refused(t, await ask('/thrown'), 400, 'It is taken')
    refused(t, await ask('/none'), 404, 'Route GET:/none not found')
    for (const prefix of ['/express', '/handled']) {
      refused(t, await ask(`${prefix}/text`), 404, 'No topic EBT-1')
      refused(t, await ask(`${prefix}/json`), 400, 'It is taken')
      refused(t, await ask(`${prefix}/status`), 403, 'Forbidden')
      refused(t, await ask(`${prefix}/end`), 401, 'Unauthorized')
      refused(t, await ask(`${prefix}/head`), 422, 'It makes no sense')
      refused(t, await ask(`${prefix}/next`), 404, 'No topic EBT-1')
      refused(t, await ask(`${prefix}/rejected`), 403, 'Not for you')
      refused(t, await ask(`${prefix}/file`), 404, /./)
      refused(t, await ask({ method: 'HEAD', url: `${prefix}/json` }), 400, 'It is taken')
    }
    refused(t, await ask('/express/thrown'), 500, 'Internal Server Error')
    refused(t, await ask('/handled/thrown'), 500, 'a secret')
  })
})
