import { join } from 'node:path'
import cors from '@fastify/cors'
import { build } from 'esbuild'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import service from '../../app.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import { listen, open, skip, SwaggerPage, texts } from '../fixtures/browser.js'
import { cert, key } from '../fixtures/certificate.js'
import { closedPort, sqlite } from '../fixtures/database.js'
import { writeKeysFile } from '../fixtures/service.js'
import { KEY } from '../fixtures/sign.js'

// A browser can be slow. The timeouts of Playwright are disabled, so only this timeout applies.
t.setTimeout(300_000)

const HEADER = 'EB-REASON-PHRASE'
const nowhere = `EBT-${'0'.repeat(32)}`

t.test('Swagger UI shows the OpenAPI document', { skip }, async t => {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }))
  await app.register(service, { ...await sqlite.open(t), keysFile: writeKeysFile(t) })
  const origin = await listen(t, app)
  const { paths } = app.swagger() as { paths: Record<string, Record<string, any>> }
  const operations = Object.entries(paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })))

  const page = await open(t)
  const ui = new SwaggerPage(page)
  const elsewhere: string[] = []
  page.on('request', request => { if (new URL(request.url()).origin !== origin && !request.url().startsWith('data:')) elsewhere.push(request.url()) })
  await ui.goto(`${origin}/docs`)

  await t.test('explains the contract', async t => {
    const [description] = await texts(page.locator('.info .description'))
    t.match(description, `An unsuccessful response has no body. Its message is in the ${HEADER} header`)
  })

  await t.test('lists every operation', async t => {
    const listed = await page.locator('.opblock-summary').evaluateAll(summaries => summaries.map(summary => [
      summary.querySelector('.opblock-summary-method')!.textContent,
      summary.querySelector('[data-path]')!.getAttribute('data-path'),
      summary.querySelector('.opblock-summary-description')!.textContent
    ].join(' ')))
    t.equal(listed.length, 14)
    t.strictSame(listed.sort(), operations.map(({ path, method, operation }) => `${method.toUpperCase()} ${path} ${operation.summary}`).sort())
  })

  await t.test('shows the errors of each operation, with the header and without a body', async t => {
    for (const { path, method, operation } of operations) {
      const block = ui.block(method, path)
      await ui.unfold(block)
      t.strictSame(await texts(block.locator('.responses-table .response > .response-col_status')), Object.keys(operation.responses), `${method} ${path}`)

      for (const [statusCode, response] of Object.entries<any>(operation.responses)) {
        const row = block.locator(`.responses-table .response[data-code="${statusCode}"]`)
        const [description] = await texts(row.locator('.response-col_description__inner'))
        const headers = await texts(row.locator('table.headers tbody tr td:first-child'))
        const bodies = await row.locator('.response-control-media-type, .model-example').count()
        if (Number(statusCode) < 400) {
          t.equal(description, withoutMarkup(response.description))
          t.strictSame(headers, Object.keys(response.headers ?? {}))
          t.equal(bodies, 2, 'each success has a media type and an example')
        } else {
          const { $ref } = response
          const { description: meaning, headers: fields } = $ref === undefined ? response : (app.swagger() as any).components.responses[statusCode]
          t.equal(description, withoutMarkup(meaning), `${statusCode}`)
          t.match(description, 'The response has no body')
          // The operation cannot have succeeded on a route that is not implemented.
          if (Number(statusCode) >= 500 && statusCode !== '501') t.match(description, 'the operation may have succeeded')
          t.strictSame(headers, Object.keys(fields))
          t.ok(headers.includes(HEADER))
          t.equal(bodies, 0)
        }
      }
    }
    const [description] = await texts(ui.block('post', '/v2/topic').locator('.response[data-code="422"] .response-col_description__inner'))
    t.match(description, /^The name is taken, or the media type is malformed\./, 'shows the description of the route')
  })

  await t.test('shows the examples, and the required parameters', async t => {
    const [example] = await texts(ui.block('get', '/v2/topic/{topicId}').locator('.response[data-code="200"] .example'))
    t.match(JSON.parse(example!), { name: 'orders.created', deleteAt: null })
    t.equal(await ui.block('get', '/v2/topic').locator('.parameter__name').count(), 6)
    t.equal(await ui.block('get', '/v2/topic').locator('.parameter__name.required').count(), 0)
    t.equal(await ui.block('get', '/v2/topic/{topicId}').locator('.parameter__name.required').count(), 1)
  })

  await t.test('shows the status code and the header of a request that fails', async t => {
    const get = ui.block('get', '/v2/topic/{topicId}')
    const missing = await ui.send(get, () => get.getByPlaceholder('topicId').fill(nowhere))
    t.equal(missing.statusCode, '401')
    const refusal = ['eb-reason-phrase: The request is not signed: it must have Signature-Input and Signature']
    t.strictSame(missing.headers.filter(line => line.startsWith('eb-')), refusal)
    t.strictSame(missing.titles, ['Reason', 'Response headers'], 'shows no body')

    const post = ui.block('post', '/v2/topic')
    const refused = await ui.send(post, () => post.locator('textarea').fill('{ "name": "a", "description": "", "mediaType": "none" }'))
    t.equal(refused.statusCode, '401')
    t.strictSame(refused.headers.filter(line => line.startsWith('eb-')), refusal)
    t.strictSame(refused.titles, ['Reason', 'Response headers'])
  })

  await t.test('shows the body of a request that succeeds', async t => {
    const health = await ui.send(ui.block('get', '/health'))
    t.equal(health.statusCode, '200')
    t.strictSame(health.headers.filter(line => line.startsWith('eb-')), [])
    t.strictSame(health.titles, ['Response body', 'Response headers'])
  })

  t.strictSame(ui.failures, [])
  t.strictSame(elsewhere, [], 'the page sends no request to another origin')
})

t.test('a page on another origin can use the service', { skip }, async t => {
  const options = { ...await sqlite.open(t), keysFile: writeKeysFile(t) }
  const withCors = async (app: FastifyInstance<any, any, any, any>) => {
    await app.register(cors)
    await app.register(service, options)
    return listen(t, app)
  }
  const withoutPlugin = Fastify()
  await withoutPlugin.register(cors)
  withoutPlugin.get('/', async (_request, reply) => reply.code(404).header(HEADER, 'No topic').send())
  const withoutCors = Fastify(serverOptions({ pluginTimeout: 120_000 }))
  await withoutCors.register(service, options)
  const unavailable = Fastify(serverOptions({ pluginTimeout: 120_000 }, { requestId: true }))
  await unavailable.register(cors)
  await unavailable.register(reasonPhrase)
  unavailable.get('/', (_request, reply) => reply.serviceUnavailable('Later', { retryAfter: 7 }))
  // The first response to each request is a 503, so that the client must retry.
  const flaky = Fastify()
  await flaky.register(cors, { methods: ['GET', 'POST', 'PUT'], exposedHeaders: ['Idempotency-Status', 'Idempotent-Replayed'] })
  const keys: unknown[] = []
  flaky.post('/topic', async ({ headers, body }, reply) => {
    if (keys.push(headers['idempotency-key']) === 1) return reply.code(503).send()
    return reply.code(201).headers({ 'idempotency-status': 'succeeded', 'idempotent-replayed': 'true' }).send(body)
  })
  let questions = 0
  flaky.put('/v2/operation/*', async (_request, reply) => {
    if (questions++ === 0) return reply.code(503).send()
    return { key: 'a', state: 'succeeded', statusCode: 201, headers: { 'content-type': 'application/json' }, body: '{"name":"recorded"}' }
  })
  const home = Fastify()
  home.get('/', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Another origin</title>'))
  const { outputFiles: [bundle] } = await build({ entryPoints: [join(import.meta.dirname, '..', '..', 'client', 'index.ts')], bundle: true, format: 'esm', write: false })
  home.get('/client.js', async (_request, reply) => reply.type('text/javascript').send(bundle!.text))

  const origins = {
    http: await withCors(Fastify(serverOptions({ pluginTimeout: 120_000 }, { requestId: true }))),
    http2: await withCors(Fastify(serverOptions({ pluginTimeout: 120_000, http2: true, https: { key, cert } }, { requestId: true }))),
    withoutPlugin: await listen(t, withoutPlugin),
    withoutCors: await listen(t, withoutCors),
    flaky: await listen(t, flaky),
    unavailable: await listen(t, unavailable),
    home: await listen(t, home)
  }

  // Start the browser after the servers, so that it is closed before them: an HTTP/2 server waits for its clients.
  const page = await open(t, { ignoreHTTPSErrors: true })
  await page.goto(origins.home)
  t.equal(await page.title(), 'Another origin')

  const FIELDS = ['location', 'retry-after', 'idempotent-replayed', 'idempotency-status', 'x-request-id']
  /** Returns the fields that a script of the page can read in the response to a POST. */
  const readFields = (url: string, body: object, key: typeof KEY, idempotencyKey: string) => page.evaluate(async ({ url, body, key, idempotencyKey, fields }) => {
    const { signer } = await import('/client.js' as string)
    const request = new Request(url, { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey }, body: JSON.stringify(body) })
    const response = await fetch(await signer(key)(request))
    const read = fields.map((name): [string, string | null] => [name, response.headers.get(name)])
    return { statusCode: response.status, ...Object.fromEntries(read.filter(([, value]) => value !== null)) }
  }, { url, body, key, idempotencyKey, fields: FIELDS })

  /** Returns the parts of a response that a script of the page can read. */
  const ask = (url: string, body?: object, key?: typeof KEY) => page.evaluate(async ({ url, body, header, key }) => {
    const options = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const { signer } = await import('/client.js' as string)
    const response = await fetch(key ? await signer(key)(new Request(url, options)) : new Request(url, options))
    return { statusCode: response.status, phrase: response.statusText, reason: response.headers.get(header), text: await response.text() }
  }, { url, body, header: HEADER, key })

  for (const protocol of ['http', 'http2'] as const) {
    await t.test(`reads the reason of an error over ${protocol}`, async t => {
      const origin = origins[protocol]
      const error = (statusCode: number, reason: string) => ({ statusCode, reason, phrase: protocol === 'http2' ? '' : reason, text: '' })

      t.strictSame(await ask(`${origin}/v2/topic`, { name: 'a', description: '', mediaType: 'none' }, KEY), error(422, '"none" is not a media type'))
      t.strictSame(await ask(`${origin}/v2/topic/${nowhere}`, undefined, KEY), error(404, `No topic ${nowhere}`))
      t.strictSame(await ask(`${origin}/v2/topic/${nowhere}`), error(401, 'The request is not signed: it must have Signature-Input and Signature'))
      t.strictSame(await ask(`${origin}/nothing`, undefined, KEY), error(404, 'Route GET:/nothing not found'))
      t.match(await ask(`${origin}/health`), { statusCode: 200, reason: null, text: '"status":"ok"' })
    })
  }

  for (const protocol of ['http', 'http2'] as const) {
    await t.test(`reads the fields of the contract in the responses that have them, over ${protocol}`, async t => {
      const url = `${origins[protocol]}/v2/topic`
      const topic = { name: `fields.${protocol}`, description: '', mediaType: 'text/plain' }
      const location = /^\/v2\/topic\/EBT-/
      const [first, again, taken, takenAgain] = [
        await readFields(url, topic, KEY, `${protocol}-1`), await readFields(url, topic, KEY, `${protocol}-1`),
        await readFields(url, topic, KEY, `${protocol}-2`), await readFields(url, topic, KEY, `${protocol}-2`)
      ]
      t.match(first, { statusCode: 201, location, 'idempotency-status': 'succeeded' })
      t.match(again, { statusCode: 201, location, 'idempotency-status': 'succeeded', 'idempotent-replayed': 'true' })
      t.match(taken, { statusCode: 422, 'x-request-id': /^req-/, 'idempotency-status': 'rejected' })
      t.match(takenAgain, { statusCode: 422, 'x-request-id': /^req-/, 'idempotency-status': 'rejected', 'idempotent-replayed': 'true' })
      t.strictSame([first, again, taken, takenAgain].map(fields => Object.keys(fields).length), [3, 4, 3, 4], 'reads no other fields')
    })
  }

  await t.test('reads Retry-After and the request id with the client', async t => {
    const result = await page.evaluate(async baseUrl => {
      const { createClient } = await import('/client.js' as string)
      const { headers, ...result } = await createClient({ baseUrl })('GET', '/')
      return result
    }, origins.unavailable)
    t.match(result, { outcome: 'unknown', status: 503, reason: 'Later', retryAfter: 7, requestId: /^req-/ })
  })

  await t.test('calls the service with the client', async t => {
    const results = await page.evaluate(async ({ baseUrl, key, nowhere, closed }) => {
      const { createClient } = await import('/client.js' as string)
      const client = createClient({ baseUrl, key })
      const { cause, ...lost } = await createClient({ baseUrl: closed, key })('GET', '/')
      return [
        await client('POST', '/v2/topic', { body: { name: 'from a page', description: '', mediaType: 'text/plain' } }),
        await client('GET', `/v2/topic/${nowhere}`),
        { ...lost, cause: String(cause) }
      ]
    }, { baseUrl: origins.http, key: KEY, nowhere, closed: `http://127.0.0.1:${await closedPort()}` })
    t.match(results, [
      { outcome: 'success', status: 201, body: { name: 'from a page' } },
      { outcome: 'rejected', status: 404, reason: `No topic ${nowhere}` },
      { outcome: 'unknown', cause: /Failed to fetch/ }
    ], 'the outcome is unknown, because a page cannot find out that a request was never sent')
  })

  await t.test('retries a request with its idempotency key, and settles the key', async t => {
    const [created, settled] = await page.evaluate(async ({ baseUrl, key }) => {
      const { createClient } = await import('/client.js' as string)
      const client = createClient({ baseUrl, key, timeout: 60_000, retry: { baseDelay: 1 } })
      const created = await client('POST', '/topic', { body: { name: 'from a page' }, idempotencyKey: true })
      return [created, await client.settle(created.idempotencyKey)]
    }, { baseUrl: origins.flaky, key: KEY })
    t.match(created, { outcome: 'success', status: 201, body: { name: 'from a page' }, attempts: 2, replayed: true })
    t.match(settled, { outcome: 'success', status: 201, body: { name: 'recorded' }, attempts: 2, replayed: true })
    t.strictSame(keys, Array(2).fill(`"${created.idempotencyKey}"`))
  })

  await t.test('reads no reason if the header is not exposed', async t => {
    t.match(await ask(origins.withoutPlugin), { statusCode: 404, reason: null })
  })

  await t.test('gets no response without CORS', async t => {
    await t.rejects(ask(`${origins.withoutCors}/v2/topic/${nowhere}`), /Failed to fetch/)
  })
})

/** Returns the text that the page shows for Markdown. */
function withoutMarkup (markdown: string): string {
  return markdown.replaceAll('`', '')
}
