import { join } from 'node:path'
import send from '@fastify/send'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

t.test('@fastify/send, by hand in a handler', async t => {
  const root = t.testdir({ 'page.html': '<p>page</p>', '.secret': 'secret', folder: { 'other.txt': '' } })
  const routes = (app: FastifyInstance) => {
    // As its own documentation has it, and by the reply.
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
    // What it gives as an error names the path of the file.
    app.get('/thrown/*', async request => {
      const { type, metadata } = await send(request.raw, pathOf(request.params), { root, dotfiles: 'deny' })
      return type === 'error' ? Promise.reject(metadata.error) : type
    })
  }

  interop(t, { plugin: () => {}, routes, orders: ['after'] }, async (t, { ask }) => {
    for (const way of ['raw', 'reply']) {
      const page = await ask(`/${way}/page.html`)
      t.match(page, { statusCode: 200, body: '<p>page</p>', headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': '11' } })
      t.match(await ask({ url: `/${way}/page.html`, headers: { range: 'bytes=0-2' } }), { statusCode: 206, body: '<p>' })
      t.match(await ask({ url: `/${way}/page.html`, headers: { 'if-none-match': page.headers.etag! } }), { statusCode: 304, body: '' })
      t.match(await ask(`/${way}/folder`), { statusCode: 301, headers: { location: 'folder/' } })

      refused(t, await ask(`/${way}/missing.html`), 404, 'Not Found')
      refused(t, await ask(`/${way}/.secret`), 403, 'Forbidden')
      refused(t, await ask({ url: `/${way}/page.html`, headers: { range: 'bytes=100-' } }), 400, 'Bad Request')
    }
    refused(t, await ask('/thrown/missing.html'), 404, `ENOENT: no such file or directory, stat '${join(root, 'missing.html')}'`)
    refused(t, await ask('/thrown/.secret'), 403, 'Forbidden')
    refused(t, await ask({ url: '/thrown/page.html', headers: { range: 'bytes=100-' } }), 400, 'Range Not Satisfiable')
  })
})

const pathOf = (params: unknown): string => (params as { '*': string })['*']
