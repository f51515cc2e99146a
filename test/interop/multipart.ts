import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError, type TestRequest } from '../fixtures/test-with-plugin.js'

const BOUNDARY = 'x-boundary'

async function namesOf (request: FastifyRequest): Promise<string[]> {
  const names: string[] = []
  for await (const part of request.parts()) {
    if (part.type === 'file') await part.toBuffer()
    names.push(part.fieldname)
  }
  return names
}

const routes = (app: FastifyInstance) => {
  app.post('/', async request => await namesOf(request))
}

const field = (name: string, value: string, disposition = ''): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${disposition}\r\n\r\n${value}\r\n`

const file = (name: string, content: string): string => field(name, content, `; filename="${name}.txt"`)

const form = (...parts: string[]): TestRequest => ({
  method: 'POST',
  url: '/',
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  body: `${parts.join('')}--${BOUNDARY}--\r\n`
})

const malformed: [TestRequest, TestRequest, TestRequest] = [
  { ...form(), body: field('a', '1') },
  { ...form(), body: 'no form' },
  { ...form(), headers: { 'content-type': 'multipart/form-data' } }
]

t.test('@fastify/multipart: sends 400 for exceeded limits, and 500 for malformed forms', async t => {
  const limits = { fileSize: 10, files: 2, fields: 2, parts: 3 }
  testWithPlugin(t, { plugin: app => app.register(multipart, { limits }), routes }, async (t, { request }) => {
    const good = await request(form(field('a', '1'), file('b', 'content')))
    t.equal(good.statusCode, 200)
    t.strictSame(JSON.parse(good.body), ['a', 'b'])

    assertError(t, await request(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
    assertError(t, await request(form(file('a', '1'), file('b', '2'), file('c', '3'))), 400, 'reach files limit')
    assertError(t, await request(form(field('a', '1'), field('b', '2'), field('c', '3'))), 400, 'reach fields limit')
    assertError(t, await request(form(file('a', '1'), file('b', '2'), field('c', '3'), field('d', '4'))), 400, 'reach parts limit')
    assertError(t, await request(form(field('__proto__', '1'))), 400, 'prototype property is not allowed as field name')
    assertError(t, await request({ ...form(), headers: { 'content-type': 'application/json' }, body: '{}' }), 400, 'the request is not multipart')
    // @fastify/multipart sets no status code on the errors of its parser.
    for (const malformedForm of malformed) assertError(t, await request(malformedForm), 500, 'Internal Server Error')
  })
})

t.test('@fastify/multipart: sends 413 if it is in statusCodes', async t => {
  testWithPlugin(t, {
    plugin: app => app.register(multipart, { limits: { fileSize: 10 } }),
    routes,
    reasonPhrase: { statusCodes: { 413: 'Content Too Large' } }
  }, async (t, { request }) => {
    assertError(t, await request(form(file('a', 'x'.repeat(11)))), 413, 'request file too large')
  })
})

t.test('@fastify/multipart: a handler can send 400 for malformed forms', async t => {
  testWithPlugin(t, {
    plugin: app => app.register(multipart, { limits: { fileSize: 10 } }),
    routes: app => {
      app.post('/', async (request, reply) => {
        try {
          return await namesOf(request)
        } catch (error) {
          return 'statusCode' in (error as Error) ? reply.send(error) : reply.badRequest((error as Error).message)
        }
      })
    }
  }, async (t, { request }) => {
    const [unfinished, none, withoutBoundary] = malformed
    assertError(t, await request(unfinished), 400, 'Unexpected end of multipart data')
    assertError(t, await request(none), 400, 'Unexpected end of multipart data')
    assertError(t, await request(withoutBoundary), 400, 'Multipart: Boundary not found')
    assertError(t, await request(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
  })
})

t.test('@fastify/multipart: sends 400 for exceeded limits with attachFieldsToBody', async t => {
  testWithPlugin(t, {
    plugin: app => app.register(multipart, { attachFieldsToBody: 'keyValues', limits: { fileSize: 10 } }),
    routes: app => { app.post('/', async request => request.body) }
  }, async (t, { request }) => {
    t.strictSame(JSON.parse((await request(form(field('a', '1')))).body), { a: '1' })
    assertError(t, await request(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
  })
})
