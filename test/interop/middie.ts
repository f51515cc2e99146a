import type { IncomingMessage, ServerResponse } from 'node:http'
import middie from '@fastify/middie'
import type { FastifyInstance } from 'fastify'
import createError from 'http-errors'
import t, { type Test } from 'tap'
import { testWithPlugin, assertError, type RunningService } from '../fixtures/test-with-plugin.js'

type Next = (error?: unknown) => void

const routes = (app: FastifyInstance) => {
  app.use((_request: IncomingMessage, response: ServerResponse, next: Next) => {
    response.setHeader('x-passed', 'yes')
    next()
  })
  app.use('/answered', (_request: IncomingMessage, response: ServerResponse) => { response.setHeader('content-type', 'text/plain').end('by middleware') })
  app.use('/next/error', (_request: IncomingMessage, _response: ServerResponse, next: Next) => { next(createError(409, 'It is taken')) })
  app.use('/next/server-error', (_request: IncomingMessage, _response: ServerResponse, next: Next) => { next(new Error('a secret')) })
  app.use('/next/string', (_request: IncomingMessage, _response: ServerResponse, next: Next) => { next('No') })
  app.use('/thrown', () => { throw createError(403, 'Not for you') })
  app.use('/json', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' }).end('{"message":"Too often"}')
  })
  app.use('/text', (_request: IncomingMessage, response: ServerResponse) => {
    response.statusCode = 403
    response.write('Not ')
    response.end('for you')
  })
  app.use('/status', (_request: IncomingMessage, response: ServerResponse) => {
    response.statusCode = 401
    response.end()
  })
  app.use('/phrase', (_request: IncomingMessage, response: ServerResponse) => { response.writeHead(404, 'No topic EBT-1').end() })
  app.get('/', async () => 'ok')
}

const register = (hook?: 'preHandler') => (app: FastifyInstance) => app.register(middie, { hook })

t.test('@fastify/middie: sends what middleware throws or passes to next()', async t => {
  for (const hook of [undefined, 'preHandler'] as const) {
    testWithPlugin(t, { plugin: register(hook), routes }, async (t, { request }) => {
      t.match(await request('/'), { statusCode: 200, body: 'ok', headers: { 'x-passed': 'yes' } })

      assertError(t, await request('/next/error'), 400, 'It is taken')
      assertError(t, await request('/next/server-error'), 500, 'Internal Server Error')
      assertError(t, await request('/next/string'), 500, 'Internal Server Error')
      assertError(t, await request('/thrown'), 403, 'Not for you')
      assertError(t, await request('/none'), 404, 'Route GET:/none not found')
    })
  }
})

async function assertMiddlewareResponses (t: Test, { request }: RunningService): Promise<void> {
  t.match(await request('/answered'), { statusCode: 200, body: 'by middleware', headers: { 'content-type': 'text/plain' } })

  const json = await request('/json')
  assertError(t, json, 400, 'Too often')
  t.match(json.headers, { 'retry-after': '7', 'x-passed': 'yes' })
  // The message consists of the first bytes that were written, because the response is sent at the first write.
  assertError(t, await request('/text'), 403, 'Not')
  assertError(t, await request('/status'), 401, 'Unauthorized')
  assertError(t, await request('/phrase'), 404, 'No topic EBT-1')
  assertError(t, await request({ method: 'HEAD', url: '/json' }), 400, 'Too often')
}

t.test('@fastify/middie: makes errors that middleware writes keep the contract', async t => {
  // With inject(), fastify-reason-phrase cannot cover the response before its own hook has run.
  testWithPlugin(t, { plugin: register(), routes, orders: ['before'], transports: ['socket'] }, assertMiddlewareResponses)
  testWithPlugin(t, { plugin: register(), routes, orders: ['after'] }, assertMiddlewareResponses)
})
