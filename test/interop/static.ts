import { once } from 'node:events'
import { truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'
import { connect, parse } from '../fixtures/wire.js'

// Larger than the buffers of a connection.
const LARGE = 64 * 1024 * 1024

// Create a separate folder for each service.
const folder = (t: Test): string => t.testdir({ 'page.html': '<p>page</p>', '.secret': 'secret', empty: {} })

const plugin = (root: string) => (app: FastifyInstance) => app.register(fastifyStatic, { root, prefix: '/files', dotfiles: 'deny', maxAge: '1h' })

const routes = (app: FastifyInstance) => {
  app.get('/sent', (_request, reply) => reply.sendFile('page.html'))
  app.get('/sent/missing', (_request, reply) => reply.sendFile('missing.html'))
  app.get('/download', (_request, reply) => reply.download('page.html', 'other.html'))
  app.get('/download/missing', (_request, reply) => reply.download('missing.html', 'other.html'))
}

t.test('@fastify/static: sends files, and its errors keep the contract', async t => {
  testWithPlugin(t, { plugin: plugin(folder(t)), routes }, async (t, { request }) => {
    const page = await request('/files/page.html')
    t.match(page, { statusCode: 200, body: '<p>page</p>', headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': '11', 'accept-ranges': 'bytes', 'cache-control': 'public, max-age=3600' } })
    t.match(await request({ method: 'HEAD', url: '/files/page.html' }), { statusCode: 200, body: '', headers: { 'content-length': '11' } })
    t.match(await request({ url: '/files/page.html', headers: { range: 'bytes=0-2' } }), { statusCode: 206, body: '<p>', headers: { 'content-range': 'bytes 0-2/11' } })
    const unchanged = await request({ url: '/files/page.html', headers: { 'if-none-match': page.headers.etag } })
    t.match(unchanged, { statusCode: 304, phrase: 'Not Modified', body: '', headers: { etag: page.headers.etag } })
    t.notOk('eb-reason-phrase' in unchanged.headers)
    t.match(await request('/sent'), { statusCode: 200, body: '<p>page</p>' })
    t.match(await request('/download'), { statusCode: 200, body: '<p>page</p>', headers: { 'content-disposition': 'attachment; filename=other.html' } })

    assertError(t, await request('/files/missing.html'), 404, 'Route GET:/files/missing.html not found')
    assertError(t, await request({ method: 'HEAD', url: '/files/missing.html' }), 404, 'Route HEAD:/files/missing.html not found')
    assertError(t, await request('/files/empty'), 404, 'Route GET:/files/empty not found')
    assertError(t, await request('/sent/missing'), 404, 'Route GET:/sent/missing not found')
    assertError(t, await request('/download/missing'), 404, 'Route GET:/download/missing not found')
    assertError(t, await request('/files/.secret'), 403, 'Forbidden')
    assertError(t, await request('/files/a//b'), 403, 'Forbidden')
    assertError(t, await request({ url: '/files/page.html', headers: { range: 'bytes=100-' } }), 400, 'Range Not Satisfiable')
    assertError(t, await request({ url: '/files/page.html', headers: { 'if-match': '"other"' } }), 400, 'Precondition Failed')
  })
})

t.test('@fastify/static: sends 416 if it is in statusCodes', async t => {
  testWithPlugin(t, { plugin: plugin(folder(t)), routes, reasonPhrase: { statusCodes: { 416: 'Range Not Satisfiable' } } }, async (t, { request }) => {
    assertError(t, await request({ url: '/files/page.html', headers: { range: 'bytes=100-' } }), 416, 'Range Not Satisfiable')
  })
})

t.test('@fastify/static: sends 500 for a file that is deleted before it is opened', async t => {
  const root = folder(t)
  const vanishing = join(root, 'vanishing.txt')
  const plugin = (app: FastifyInstance) => app.register(fastifyStatic, {
    root,
    // Called after the file was found, and before it is opened.
    onFile: (path: string) => { if (path === vanishing) unlinkSync(path) }
  } as object)
  testWithPlugin(t, { plugin, routes: () => {} }, async (t, { request }) => {
    writeFileSync(vanishing, 'content')
    assertError(t, await request('/vanishing.txt'), 500, 'Internal Server Error')
  })
})

t.test('@fastify/static: truncates the response if the file is truncated while it is sent', async t => {
  const root = folder(t)
  const file = join(root, 'large.txt')
  testWithPlugin(t, { plugin: plugin(root), routes: () => {}, transports: ['socket'] }, async (t, { port }) => {
    writeFileSync(file, '')
    truncateSync(file, LARGE)
    const connection = connect(port!)
    connection.write('GET /files/large.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await once(connection.socket, 'data')
    truncateSync(file, 1)
    const received = await connection.closed()
    t.match(received, `content-length: ${LARGE}\r\n`)
    t.strictSame(parse(received, [], true).responses, [], 'the client can detect that the response is incomplete')
  })
})
