import { createConnection } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { conformance, type ConformanceOptions, type Suite } from '../../conformance/index.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import idempotency, { memoryStore } from '../../plugins/idempotency/index.js'
import { key, cert } from '../fixtures/certificate.js'

async function build (options: object = {}, contract = {}, server: object = serverOptions(options, contract)): Promise<FastifyInstance> {
  const app = Fastify(server)
  await app.register(reasonPhrase)
  app.addSchema({ $id: 'thing', type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 9 } } })
  app.get('/', async () => ({ name: 'root' }))
  app.register(async app => {
    app.post('/things', { schema: { body: { $ref: 'thing#' } } }, async (_request, reply) => reply.created({ id: 1 }))
    app.get('/things/:id', { schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } } }, async () => ({ id: 1 }))
    app.get('/signed', async (request, reply) => request.headers.signature === undefined ? reply.unauthorized() : { name: 'signed' })
  })
  return app
}

const requests = [{ url: '/' }, { method: 'POST', url: '/things', body: { name: 'a' } }]

interface Report {
  passed: Record<string, string>
  skipped: Record<string, string>
  failed: Record<string, Array<[message: string, extra: Record<string, unknown>]>>
  comments: string[]
}

/** Runs the kit, and returns its report to tap. */
async function runKit (app: Parameters<typeof conformance>[1], options?: ConformanceOptions): Promise<Report> {
  const report: Report = { passed: {}, skipped: {}, failed: {}, comments: [] }
  const suite = (id: string): Suite => ({
    test (name, run) { run(suite(name)) },
    pass (message, extra) {
      if (extra.skip === undefined) report.passed[id] = message
      else report.skipped[id] = extra.skip
    },
    fail (message, extra) { (report.failed[id] ??= []).push([message, extra]) },
    comment (message) { report.comments.push(message) }
  })
  await conformance(suite(''), app, options)
  return report
}

for (const [name, options] of Object.entries({
  'HTTP/1.1': {},
  https: { https: { key, cert } },
  'HTTP/2 with prior knowledge': { http2: true },
  'HTTP/2 on https': { http2: true, https: { key, cert } },
  'HTTP/2 and HTTP/1.1 on https': { http2: true, https: { key, cert, allowHTTP1: true } }
})) {
  t.test(`passes for a service with the plugin: ${name}`, async t => {
    await conformance(t, await build(options), { requests })
  })
}

t.test('reports each probe as a subtest, including the probes of routes', async t => {
  const { passed, failed, comments } = await runKit(await build(), { requests })
  t.strictSame(failed, {})
  t.strictSame(comments, [])
  for (const id of ['text-no-resource', 'framing-host-missing', 'requests-1-head', 'routes-get-things-id-head', 'routes-post-things-body-name-too-long', 'routes-post-things-body-too-large']) {
    t.match(passed[id], 'contract', id)
  }
  t.notOk(Object.keys(passed).some(id => id.startsWith('http2-') || id.includes('slow')))
  const overHttp2 = await runKit(await build({ http2: true }), { requests, only: ['routes', 'text'] })
  t.ok('routes-get-things-id-params-id-wrong-type' in overHttp2.passed)
  t.notOk('text-no-resource' in overHttp2.passed)
})

t.test('reports the rule, its source, the request and the response of a violation', async t => {
  const { failed, passed } = await runKit(Fastify(), { only: ['text-no-resource', 'text-root'], skip: ['text-no-resource-put'] })
  t.notOk('text-no-resource-put' in failed)
  t.strictSame(passed, {})
  t.strictSame(failed['text-no-resource']!.map(([message]) => message.split(':')[0]), [
    'no-body in response 1', 'content-length in response 1', 'no-representation-metadata in response 1', 'header in response 1'
  ])
  t.match(failed['text-no-resource']![0], [
    /^no-body in response 1: a body of \d+ bytes\. An unsuccessful response has no body \(docs\/contract\.md#no-body\)\.$/,
    { sends: /^GET/, sent: /^GET \/no-such-resource\S+ HTTP\/1\.1\\r\\n\n/, received: /^HTTP\/1\.1 404 Not Found\\r\\n\n/, source: /docs\/contract\.md#unsuccessful-responses/ }
  ])
})

t.test('checks a service without the plugin against the options', async t => {
  const buildStock = (): FastifyInstance => {
    const app = Fastify()
    app.get('/429', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(429, 'Slower', { 'content-length': 0, 'x-reason': 'Slower' }).end()
    })
    return app
  }
  const options = { header: 'X-Reason', requests: [{ url: '/429' }], allowUnsuccessful: true, only: ['requests'] }
  t.strictSame((await runKit(buildStock(), { ...options, statusCodes: { 429: 'Too Many Requests' } })).failed, {})
  t.match((await runKit(buildStock(), options)).failed, { 'requests-1': [[/^status-in-table in response 1: 429/]] })
})

const extended = { header: 'X-Reason', statusCodes: { 404: 'Nothing', 429: 'Too Many Requests' } }

/** Ways to create a service with the extended contract. */
const extendedServices: Record<string, () => FastifyInstance> = {
  'serverOptions()': () => Fastify(serverOptions({}, extended)),
  'serverOptions(), and the plugin later': () => {
    const app = Fastify(serverOptions({}, extended))
    app.register(reasonPhrase)
    return app
  },
  'the plugin': () => {
    const app = Fastify()
    app.register(reasonPhrase, extended)
    return app
  }
}

for (const [name, create] of Object.entries(extendedServices)) {
  t.test(`takes the header and the status codes from a service with ${name}`, async t => {
    const buildExtended = (): FastifyInstance => {
      const app = create()
      app.register(async app => { app.get('/429', async (_request, reply) => reply.code(429).send()) })
      return app
    }
    const requests = [{ url: '/429' }]
    t.strictSame((await runKit(buildExtended(), { requests, allowUnsuccessful: true, only: ['text-no-resource', 'requests'] })).failed, {})
    t.strictSame((await runKit(buildExtended(), { ...extended, header: 'x-reason', requests, allowUnsuccessful: true, only: ['requests'] })).failed, {}, 'accepts the same options')
    const conflicts: Array<[ConformanceOptions, string]> = [
      [{ header: 'X-Other' }, "the kit was given header 'X-Other', but the service has 'X-Reason'. Remove the option header: the kit takes it from the service"],
      [{ statusCodes: { 409: 'Conflict' } }, 'the kit was given the status codes [ 409 ], but the service has [ 429 ]. Remove the option statusCodes: the kit takes it from the service'],
      [{ statusCodes: {} }, 'the kit was given the status codes [], but the service has [ 429 ]. Remove the option statusCodes: the kit takes it from the service']
    ]
    for (const [options, message] of conflicts) {
      const app = buildExtended()
      await t.rejects(runKit(app, options), { name: 'TypeError', message: `fastify-reason-phrase: ${message}` })
      t.notOk(app.server.listening, 'closes the service')
    }
  })
}

t.test('adds the fields of the headers hook to each well-formed request', async t => {
  const app = await build()
  let unsigned = 0
  app.addHook('onResponse', async ({ url }, { statusCode }) => { if (url === '/signed' && statusCode !== 200) unsigned++ })
  await runKit(app, {
    requests: [{ url: '/signed' }],
    headers: async ({ method, target }) => ({ Signature: `${method} ${target}` }),
    only: ['text', 'connection', 'requests-1-pipelined']
  })
  t.equal(unsigned, 0)
})

t.test('fails for a declared request that does not get a 2xx, unless allowUnsuccessful is set', async t => {
  for (const [options, id] of [[{}, 'requests-2'], [{ http2: true }, 'http2-requests-2']] as const) {
    const given = { requests: [{ url: '/' }, { url: '/signed' }, { method: 'POST', url: '/things', body: { name: 'a' } }], only: ['requests', 'http2-requests'] }
    const { failed, passed } = await runKit(await build(options), given)
    t.strictSame(Object.keys(failed), [id])
    t.match(failed[id], [[/^could not be tested: GET \/signed was answered 401 Unauthorized\. /, { sends: 'GET /signed', received: /401/ }]])
    t.ok(Object.keys(passed).length > 1)
    t.strictSame((await runKit(await build(options), { ...given, allowUnsuccessful: true })).failed, {})
    t.strictSame((await runKit(await build(options), { ...given, headers: () => ({ signature: 'a' }) })).failed, {})
  }
})

t.test('fails if nothing was tested', async t => {
  const denying = async (mayPass: (url: string) => boolean) => {
    const app = Fastify(serverOptions())
    await app.register(reasonPhrase)
    app.addHook('onRequest', async ({ url }, reply) => { if (!mayPass(url)) return reply.unauthorized('No token') })
    app.get('/', async () => ({}))
    app.get('/things/:id', async (_request, reply) => reply.notFound('No thing'))
    return app
  }
  const { failed } = await runKit(await denying(() => false))
  t.match(failed, { run: [[/^could not be tested: GET \/ was answered 401 No token, and no other request got further\. /]] })
  t.equal(Object.keys(failed).length, 1)
  t.strictSame((await runKit(await denying(() => false), { allowUnsuccessful: true })).failed, {})
  t.strictSame((await runKit(await denying(url => url.startsWith('/things/')))).failed, {}, 'one tested route is enough')
  t.strictSame((await runKit(await denying(url => url === '/'))).failed, {})

  t.match((await runKit(await build(), { only: ['http2'] })).failed, { run: [[/^could not be tested: no probe was sent/]] })
  t.match((await runKit(await build(), { only: ['connection-slow'], allowUnsuccessful: true })).failed, { run: [[/^could not be tested: no probe was sent/]] })
})

t.test('fails if each request gets a 5xx', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', async (_request, reply) => reply.serviceUnavailable('We move'))
  t.match((await runKit(app)).failed, { run: [[/^could not be tested: GET \/ was answered 503 We move/]] })
})

t.test('sends slow probes only with the option slow', async t => {
  const app = await build({ requestTimeout: 400, http: { headersTimeout: 300, connectionsCheckingInterval: 50 } })
  const { passed, failed } = await runKit(app, { requests, slow: true, only: ['connection-slow'] })
  t.strictSame(failed, {})
  t.strictSame(Object.keys(passed), ['connection-slow-header', 'connection-slow-body', 'connection-slow-nothing'])
})

t.test('tests idempotent requests, and reports probes that cannot test anything as skipped', async t => {
  for (const options of [{}, { http2: true }]) {
    const app = await build(options)
    const names = new Set<string>()
    await app.register(idempotency, { store: memoryStore() as never, scope: ({ headers }) => String(headers['x-caller']), outcomes: '/operation' })
    app.post('/unique', { config: { idempotency: 'optional' } }, async (request, reply) => {
      const { name } = request.body as { name: string }
      if (names.has(name)) return reply.unprocessable('The name is taken')
      names.add(name)
      return reply.code(201).send({ name })
    })
    const { passed, skipped, failed } = await runKit(app, {
      idempotent: [{ method: 'POST', url: '/unique', body: { name: '{{uuid}}' } }],
      otherHeaders: () => ({ 'x-caller': 'other' }),
      only: ['idempotency']
    })
    t.strictSame(failed, {})
    t.match(skipped, { 'idempotency-1-failure': /^No request is known/ })
    t.equal(Object.keys(skipped).length, 1)
    t.match(passed['idempotency-1-concurrent'], /^One effect/)
    t.equal(Object.keys(passed).length, 13)
  }
})

t.test('takes the path of the outcome routes, and the routes that require a key, from the service', async t => {
  const buildKeyed = async (): Promise<FastifyInstance> => {
    const app = await build()
    await app.register(idempotency, { store: memoryStore() as never, scope: () => 'all', outcomes: '/operation' })
    app.post('/order', { config: { idempotency: 'required' } }, async () => ({ id: 1 }))
    return app
  }
  const options = { idempotent: [{ method: 'POST', url: '/order' }], only: ['idempotency-1-key-missing', 'idempotency-1-closed'] }
  t.strictSame(Object.keys((await runKit(await buildKeyed(), options)).passed), ['idempotency-1-key-missing', 'idempotency-1-closed', 'idempotency-1-closed-twice'])
  t.strictSame((await runKit(await buildKeyed(), { ...options, outcomes: '/operation' })).failed, {}, 'accepts the same path')
  await t.rejects(async () => runKit(await buildKeyed(), { ...options, outcomes: '/outcome' }), {
    name: 'TypeError',
    message: "fastify-reason-phrase: the kit was given outcomes '/outcome', but the service has '/operation'. Remove the option outcomes: the kit takes it from the service"
  })
})

t.test('closes the service at the end, unless it was listening before', async t => {
  const app = await build()
  await runKit(app, { only: ['text-root'] })
  t.notOk(app.server.listening)

  const listening = await build()
  t.teardown(() => listening.close())
  await listening.listen({ port: 0, host: '::1' })
  t.strictSame((await runKit(listening, { only: ['text-root'] })).failed, {})
  t.ok(listening.server.listening)
  t.equal(await new Promise((resolve, reject) => { listening.server.getConnections((error, count) => error ? reject(error) : resolve(count)) }), 0, 'leaves no connections open')
})

t.test('closes the service after an error', async t => {
  for (const [options, message] of [
    [{ only: ['nothing'] }, 'no probe has the id "nothing"'],
    [{ headers: () => { throw new TypeError('no key') } }, 'no key']
  ] as Array<[ConformanceOptions, string]>) {
    const app = await build()
    await t.rejects(runKit(app, options), { message: new RegExp(message) })
    t.notOk(app.server.listening)
  }
  const app = await build()
  t.teardown(() => app.close())
  await t.rejects(runKit(app, { header: 'etag' }), { message: /header that has no other meaning/ })
})

t.test('skips the probes of routes for a service that was created before the import', async t => {
  const app = await build()
  const service = {
    server: app.server,
    initialConfig: app.initialConfig,
    listen: (options: { port: number, host: string }) => app.listen(options),
    close: () => app.close(),
    getSchema: (id: string) => app.getSchema(id)
  }
  const { comments } = await runKit(service, { only: ['text-root'] })
  t.match(comments, [/^No probes for the routes: import fastify-reason-phrase\/conformance before/])
  t.equal(await refusesConnections(service), true)
})

/** Returns whether a server refuses connections. */
async function refusesConnections ({ server }: { server: { address: () => unknown } }): Promise<boolean> {
  const address = server.address() as { port: number } | null
  if (address === null) return true
  return await new Promise(resolve => createConnection(address.port, '127.0.0.1').on('error', () => resolve(true)).on('connect', () => resolve(false)))
}

t.test('rejects options that are unknown or have the wrong type', async t => {
  for (const [options, message] of [
    [{ statusCode: { 429: 'Slow Down' } }, 'unknown option "statusCode" of conformance(); did you mean "statusCodes"? The options are header, statusCodes, exposeServerErrors, challenge, requestId, requests, allowUnsuccessful, headers, concurrency, timeout, skip, only, slow, idempotent, outcomes and otherHeaders'],
    [{ requests: 'GET /' }, "option requests of conformance() must be an array, not 'GET /'"],
    [{ only: 'text' }, "option only of conformance() must be an array, not 'text'"],
    [{ skip: {} }, 'option skip of conformance() must be an array, not {}'],
    [{ idempotent: {} }, 'option idempotent of conformance() must be an array, not {}'],
    [{ allowUnsuccessful: 'yes' }, "option allowUnsuccessful of conformance() must be a boolean, not 'yes'"],
    [{ concurrency: 0 }, 'option concurrency of conformance() must be a positive integer, not 0'],
    [{ concurrency: '8' }, "option concurrency of conformance() must be a positive integer, not '8'"],
    [{ timeout: 0 }, 'option timeout of conformance() must be a positive number of milliseconds, not 0'],
    [{ timeout: '1s' }, "option timeout of conformance() must be a positive number of milliseconds, not '1s'"],
    [{ only: ['tekst-root'] }, 'no probe has the id "tekst-root", or an id that starts with "tekst-root-"; did you mean "text-root"?']
  ] as Array<[ConformanceOptions, string]>) {
    const app = await build()
    t.teardown(() => app.close())
    await t.rejects(runKit(app, options), { name: 'TypeError', message: `fastify-reason-phrase: ${message}` }, message)
  }
})
