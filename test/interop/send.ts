import { join } from 'node:path'
import send from '@fastify/send'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

t.test('@fastify/send: sends files, and its errors keep the contract, by reply.raw and by reply.send()', async t => {
  const root = t.testdir({ 'page.html': '<p>page</p>', '.secret': 'secret', folder: { 'other.txt': '' } })
  const routes = (app: FastifyInstance) => {
    // As in the documentation of @fastify/send. The next route uses reply.send() instead.
    app.get('/raw/*', async (request, reply) => {
      reply.hijack()
      const { statusCode, headers, stream } = await send(request.raw, pathOf(request.params), { root, dotfiles: 'deny' })
      reply.raw.writeHead(statusCode, headers as Record<string, string>)
      stream.pipe(reply.raw)
    })
    app.get('/reply/*', async (request, reply) => {
      const { statusCode, headers, stream } = await send(request.raw, pathOf(request.params), { root, dotfiles: 'deny' })
      return reply.code(statusCode).headers(headers as Record<string, string>).send(stream)
    })
    // The error contains the path of the file, which must not be sent.
    app.get('/thrown/*', async request => {
      const { type, metadata } = await send(request.raw, pathOf(request.params), { root, dotfiles: 'deny' })
      return type === 'error' ? Promise.reject(metadata.error) : type
    })
  }

  testWithPlugin(t, { plugin: () => {}, routes, orders: ['after'] }, async (t, { request }) => {
    for (const way of ['raw', 'reply']) {
      const page = await request(`/${way}/page.html`)
      t.match(page, { statusCode: 200, body: '<p>page</p>', headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': '11' } })
      t.match(await request({ url: `/${way}/page.html`, headers: { range: 'bytes=0-2' } }), { statusCode: 206, body: '<p>' })
      t.match(await request({ url: `/${way}/page.html`, headers: { 'if-none-match': page.headers.etag! } }), { statusCode: 304, body: '' })
      t.match(await request(`/${way}/folder`), { statusCode: 301, headers: { location: 'folder/' } })

      assertError(t, await request(`/${way}/missing.html`), 404, 'Not Found')
      assertError(t, await request(`/${way}/.secret`), 403, 'Forbidden')
      assertError(t, await request({ url: `/${way}/page.html`, headers: { range: 'bytes=100-' } }), 400, 'Bad Request')
    }
    assertError(t, await request('/thrown/missing.html'), 404, `ENOENT: no such file or directory, stat '${join(root, 'missing.html')}'`)
    assertError(t, await request('/thrown/.secret'), 403, 'Forbidden')
    assertError(t, await request({ url: '/thrown/page.html', headers: { range: 'bytes=100-' } }), 400, 'Range Not Satisfiable')
  })
})

const pathOf = (params: unknown): string => (params as { '*': string })['*']
