import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { interop, refused, type Question } from '../fixtures/interop.js'

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

const form = (...parts: string[]): Question => ({
  method: 'POST',
  url: '/',
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  body: `${parts.join('')}--${BOUNDARY}--\r\n`
})

const malformed: [Question, Question, Question] = [
  { ...form(), body: field('a', '1') },
  { ...form(), body: 'no form' },
  { ...form(), headers: { 'content-type': 'multipart/form-data' } }
]

t.test('@fastify/multipart', async t => {
  const limits = { fileSize: 10, files: 2, fields: 2, parts: 3 }
  interop(t, { plugin: app => app.register(multipart, { limits }), routes }, async (t, { ask }) => {
    const good = await ask(form(field('a', '1'), file('b', 'content')))
    t.equal(good.statusCode, 200)
    t.strictSame(JSON.parse(good.body), ['a', 'b'])

    refused(t, await ask(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
    refused(t, await ask(form(file('a', '1'), file('b', '2'), file('c', '3'))), 400, 'reach files limit')
    refused(t, await ask(form(field('a', '1'), field('b', '2'), field('c', '3'))), 400, 'reach fields limit')
    refused(t, await ask(form(file('a', '1'), file('b', '2'), field('c', '3'), field('d', '4'))), 400, 'reach parts limit')
    refused(t, await ask(form(field('__proto__', '1'))), 400, 'prototype property is not allowed as field name')
    refused(t, await ask({ ...form(), headers: { 'content-type': 'application/json' }, body: '{}' }), 400, 'the request is not multipart')
    // The plugin gives what its parser throws no status code.
    for (const question of malformed) refused(t, await ask(question), 500, 'Internal Server Error')
  })
})

t.test('@fastify/multipart with its own status code in the table', async t => {
  interop(t, {
    plugin: app => app.register(multipart, { limits: { fileSize: 10 } }),
    routes,
    reasonPhrase: { statusCodes: { 413: 'Content Too Large' } }
  }, async (t, { ask }) => {
    refused(t, await ask(form(file('a', 'x'.repeat(11)))), 413, 'request file too large')
  })
})

t.test('@fastify/multipart in a handler that knows who is to blame for what it reads', async t => {
  interop(t, {
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
  }, async (t, { ask }) => {
    const [unfinished, none, withoutBoundary] = malformed
    refused(t, await ask(unfinished), 400, 'Unexpected end of multipart data')
    refused(t, await ask(none), 400, 'Unexpected end of multipart data')
    refused(t, await ask(withoutBoundary), 400, 'Multipart: Boundary not found')
    refused(t, await ask(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
  })
})

t.test('@fastify/multipart with the fields attached to the body', async t => {
  interop(t, {
    plugin: app => app.register(multipart, { attachFieldsToBody: 'keyValues', limits: { fileSize: 10 } }),
    routes: app => { app.post('/', async request => request.body) }
  }, async (t, { ask }) => {
    t.strictSame(JSON.parse((await ask(form(field('a', '1')))).body), { a: '1' })
    refused(t, await ask(form(file('a', 'x'.repeat(11)))), 400, 'request file too large')
  })
})
