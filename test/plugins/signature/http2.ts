import { once } from 'node:events'
import http2 from 'node:http2'
import type { Readable } from 'node:stream'
import t from 'tap'
import { memoryStore } from '../../../plugins/signature/index.js'
import { sign, type Signing } from '../../fixtures/sign.js'
import { build, keys, MISMATCH, NOT_VALID, slowKeys, UNSIGNED } from '../../fixtures/signed-service.js'
import { listen } from '../../fixtures/wire.js'

for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
  t.test(`verifies requests over HTTP/2, with keys that come ${speed}`, async t => {
    const app = await build(t, { keys: lookUp, replay: { store: memoryStore() } }, { http2: true }, app => {
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
        child.post('/deaf', async request => await new Promise(resolve => {
          (request.body as Readable).on('data', () => {}).on('end', () => { resolve('heard the end') })
        }))
      })
    })
    const port = await listen(t, app)
    const session = http2.connect(`http://127.0.0.1:${port}`)
    const ask = async (headers: http2.OutgoingHttpHeaders, chunks: Array<string | Buffer> = [], endStream = false): Promise<{ status: number, reason: unknown, body: string, headers: http2.IncomingHttpHeaders }> => {
      const stream = session.request(headers, { endStream })
      stream.on('error', () => {})
      for (const chunk of chunks) stream.write(chunk)
      stream.end()
      const [head] = await once(stream, 'response') as [http2.IncomingHttpHeaders & { ':status': number }]
      let body = ''
      for await (const chunk of stream.setEncoding('utf8')) body += chunk
      return { status: head[':status'], reason: head['eb-reason-phrase'], body, headers: head }
    }
    const fields = (method: string, path: string, body?: string, signing?: Signing): http2.OutgoingHttpHeaders => ({ ':method': method, ':path': path, 'content-type': 'application/json', ...sign(method, path, body, signing) })
    t.equal((await ask(fields('GET', '/read'), [], true)).body, 'read')
    const host = `127.0.0.1:${port}`
    const components = ['"@method"', '"@path"', '"@query"', '"@authority"', '"@target-uri"', '"cookie"']
    t.equal((await ask({ ...fields('GET', '/read', undefined, { components, values: { '"@authority"': host, '"@target-uri"': `http://${host}/read`, '"cookie"': 'a=1; b=2' } }), cookie: ['a=1', 'b=2'] }, [], true)).body, 'read')
    const refused = await ask({ ':path': '/read' })
    t.strictSame([refused.status, refused.reason], [401, UNSIGNED])
    t.equal(refused.headers['www-authenticate'], 'HMAC')
    t.match(refused.headers['accept-signature'], /^sig1=\(/)

    t.equal((await ask(fields('POST', '/any', '{"a":1}'), [...'{"a":1}'])).status, 200)
    t.equal((await ask({ ...fields('POST', '/any', '{"a":1}'), 'content-length': 7 }, ['{"a":1}'])).status, 200)
    for (const path of ['/any', '/deaf']) {
      for (const chunks of [['{"a":2}'], [...'{"a":2}'], ['{"a":1}', ' '], ['{"a":1'], []]) {
        const { status, reason } = await ask(fields('POST', path, '{"a":1}'), chunks)
        t.strictSame([status, reason], [401, MISMATCH], `${path} ${chunks.join('|')}`)
      }
    }
    t.equal((await ask(fields('POST', '/any'), [], true)).status, 400, 'sends 400 for an empty body with a JSON content type')
    const zero = await ask({ ...fields('POST', '/any'), 'content-length': 0, 'content-type': undefined }, [])
    t.equal(zero.status, 200)

    const early = await ask(fields('POST', '/any', 'x', { key: { id: 'none', secret: '' } }), Array.from({ length: 40 }, () => Buffer.alloc(50_000)))
    t.strictSame([early.status, early.reason], [401, NOT_VALID], 'sends 401 while a large body arrives')
    const gone = session.request(fields('POST', '/any', '{"a":1}'))
    gone.on('error', () => {})
    gone.write('{"a"')
    await new Promise(resolve => setTimeout(resolve, 10))
    gone.close(http2.constants.NGHTTP2_CANCEL)
    t.equal((await ask(fields('GET', '/read'), [], true)).body, 'read')
    session.destroy()
  })
}
