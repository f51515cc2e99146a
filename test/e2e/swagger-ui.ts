import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import service from '../../app.js'
import reasonPhrase, { serverOptions, type ReasonPhraseOptions } from '../../index.js'
import { openapi, swaggerUiOptions } from '../../plugins/openapi/index.js'
import signature from '../../plugins/signature/index.js'
import { listen, open, skip, SwaggerPage, texts } from '../fixtures/browser.js'
import { cert, key as tlsKey } from '../fixtures/certificate.js'
import { sqlite } from '../fixtures/database.js'
import { writeKeysFile } from '../fixtures/service.js'
import { KEY } from '../fixtures/sign.js'

// A browser can be slow. The timeouts of Playwright are disabled, so only this timeout applies.
t.setTimeout(600_000)

const NOTHING = 'The request was rejected. It did nothing.'
const UNKNOWN = 'The operation may or may not have happened. Do not treat it as failed.'
const UNSIGNED = 'The request is not signed: it must have Signature-Input and Signature'

t.test('the Swagger UI page of the service', { skip }, async t => {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }, { requestId: true }))
  await app.register(service, { ...await sqlite.open(t), keysFile: writeKeysFile(t) })
  const origin = await listen(t, app)
  const page = await open(t)
  const ui = new SwaggerPage(page)
  await ui.goto(`${origin}/docs`)

  const create = ui.block('post', '/v2/topic')
  const list = ui.block('get', '/v2/topic')
  const settle = ui.block('put', '/v2/operation/{key}')
  const topic = (name: string, mediaType = 'application/json') => JSON.stringify({ name, description: 'déjà vu', mediaType })
  const createTopic = (text: string, idempotencyKey = '') => ui.send(create, async () => {
    await create.locator('textarea').fill(text)
    await ui.field(create, 'Idempotency-Key').fill(idempotencyKey)
  })

  await t.test('says that the secret stays in the memory of the page', async t => {
    const form = await ui.openForm()
    t.match(await form.innerText(), /The secret stays in the memory of this page, which signs each request in your browser\./)
    t.equal(await form.getByLabel('Secret').getAttribute('type'), 'password')
    t.equal(await form.getByText('Value:').count(), 0, 'the dialog has no field for a signature')
    await ui.close(form)
  })

  await t.test('explains why a key is invalid', async t => {
    const form = await ui.openForm()
    await form.getByLabel('Key id').fill('ключ')
    await form.getByRole('button', { name: 'Apply credentials' }).click()
    t.equal(await form.locator('input:invalid').getAttribute('type'), 'password', 'the browser requires the secret')
    await form.getByLabel('Secret').fill(KEY.secret)
    for (let i = 0; i < 2; i++) await form.getByRole('button', { name: 'Apply credentials' }).click()
    t.match(await texts(form.locator('.errors')), [/^Auth Warning\s*key must have an id of printable ASCII, and a secret that is not empty$/], 'shows one error')
    await form.getByLabel('Key id').fill(KEY.id)
    await ui.apply(form)
    t.equal(await form.locator('.errors').count(), 0)
    t.match(await form.innerText(), `Key id: ${KEY.id}`)
    await form.getByRole('button', { name: 'Remove authorization' }).click()
    t.equal(await form.getByLabel('Secret').inputValue(), '', 'the fields are empty again')
    await ui.close(form)
  })

  await t.test('creates a topic, and shows the 201', async t => {
    await ui.authorize(KEY)
    const created = await createTopic(topic('orders.created'))
    t.equal(created.statusCode, '201')
    t.match(JSON.parse(created.body!), { name: 'orders.created', description: 'déjà vu' })
    t.ok(created.headers.some(line => line.startsWith('location: /v2/topic/EBT-')))
    t.match(created.curl, /-H 'signature: sig1=:/i, 'the curl command contains the signature')
    t.notMatch(created.curl, KEY.secret)
  })

  await t.test('shows the reason of a 422', async t => {
    t.match(await createTopic(topic('orders.paid', 'none')), { statusCode: '422', titles: ['Reason', 'Response headers'], error: ['"none" is not a media type', NOTHING] })
    const taken = await createTopic(topic('orders.created'))
    t.match(taken, { statusCode: '422', error: [/orders\.created/, NOTHING] })
  })

  await t.test('signs the query', async t => {
    const found = await ui.send(list, async () => {
      await ui.field(list, 'name').fill('Überall & +%')
      await ui.field(list, 'limit').fill('5')
    })
    t.match(found, { statusCode: '200', body: '"limit": 5' })
  })

  await t.test('signs an idempotency key, and settles it', async t => {
    const first = await createTopic(topic('orders.shipped'), 'page-1')
    t.equal(first.statusCode, '201')
    const replayed = await createTopic(topic('orders.shipped'), 'page-1')
    t.equal(replayed.body, first.body)
    t.ok(replayed.headers.includes('idempotent-replayed: true'))

    const settleKey = (key: string) => ui.send(settle, () => ui.field(settle, 'key').fill(key))
    const settled = await settleKey('page-1')
    t.equal(settled.statusCode, '200')
    t.match(JSON.parse(settled.body!), { key: 'page-1', state: 'succeeded', statusCode: 201 })
    const closed = await settleKey('page/2')
    t.match(JSON.parse(closed.body!), { key: 'page/2', state: 'closed' })
    t.match(await createTopic(topic('orders.late'), 'page/2'), { statusCode: '422', error: [String, NOTHING] })
  })

  await t.test('says for a 5xx that the operation may have happened, and when to retry', async t => {
    await app.maintenance.enter({ message: 'We move', retryAfter: 60 })
    t.match(await createTopic(topic('orders.lost')), { statusCode: '503', error: ['We move', UNKNOWN, 'Retry after 60 s.', /^Request id: /] })
    await app.maintenance.leave()
  })

  await t.test('stores the secret nowhere', async t => {
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML])') as string
    t.notMatch(stored, KEY.secret)
  })

  await t.test('shows the reason of a 401 for a wrong secret', async t => {
    await ui.logout()
    t.match(await ui.send(list), { statusCode: '401', error: [UNSIGNED, NOTHING] }, 'a logout removes the key')
    await ui.authorize({ ...KEY, secret: 'wrong' })
    t.match(await ui.send(list), { statusCode: '401', error: [/signature/i, NOTHING] })
    await ui.logout()
    await ui.authorize(KEY)
    t.match(await ui.send(list), { statusCode: '200' })
  })

  await t.test('forgets the secret when the page is reloaded', async t => {
    await ui.goto(`${origin}/docs`)
    const form = await ui.openForm()
    t.equal(await form.getByText('Authorized').count(), 0)
    t.equal(await form.getByLabel('Secret').inputValue(), '')
    await ui.close(form)
    t.match(await ui.send(list), { statusCode: '401', error: [UNSIGNED, NOTHING] })
  })

  t.strictSame(ui.failures, [])
})

interface Settings {
  contract?: ReasonPhraseOptions
  ui?: FastifySwaggerUiOptions
  signed?: boolean
}

/** Adds the documentation to an app, and the routes that the callback adds. */
async function document (app: FastifyInstance<any, any, any, any>, { contract, ui, signed = true }: Settings, addRoutes: (app: FastifyInstance<any, any, any, any>) => void): Promise<void> {
  await app.register(reasonPhrase, contract ?? {})
  if (signed) await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined })
  await app.register(swagger, openapi(app, {
    document: { components: { securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Token' } } } }
  }))
  await app.register(async app => {
    app.addHook('onRoute', route => { route.config = { ...route.config, signature: false } })
    await app.register(swaggerUi, swaggerUiOptions(app, { routePrefix: '/docs', ...ui }))
  })
  addRoutes(app)
}

/** Adds a route that returns the received form. */
function addEcho (app: FastifyInstance<any, any, any, any>): void {
  app.addContentTypeParser(/^(?:multipart|application\/octet-stream)/, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.post('/echo', {
    schema: { consumes: ['multipart/form-data'], body: { type: 'object', properties: { name: { type: 'string' }, file: { type: 'string', format: 'binary' } } } },
    validatorCompiler: () => () => true
  }, async ({ headers, body, key }) => ({ key: key?.id, type: headers['content-type'], text: (body as Buffer).toString() }))
}

t.test('a page with a Content-Security-Policy signs requests', { skip }, async t => {
  const run = async (t: Test, options: FastifySwaggerUiOptions, withHelmet: boolean) => {
    const app = Fastify({ pluginTimeout: 120_000 })
    if (withHelmet) await app.register(helmet)
    await document(app, { ui: options }, addEcho)
    const origin = await listen(t, app)
    const ui = new SwaggerPage(await open(t))
    await ui.goto(`${origin}/docs`)
    await ui.authorize(KEY)
    const echo = ui.block('post', '/echo')
    const sent = await ui.send(echo, async () => {
      await ui.field(echo, 'name').fill('à la carte')
      await ui.field(echo, 'file').setInputFiles({ name: 'a.bin', mimeType: 'application/octet-stream', buffer: Buffer.from([0, 255, 13, 10]) })
    })
    t.equal(sent.statusCode, '200')
    const { key, type, text } = JSON.parse(sent.body!)
    t.equal(key, KEY.id)
    t.ok(text.includes(type.split('boundary=')[1]), 'the Content-Type has the boundary of the sent form')
    t.match(text, 'à la carte')
    t.match(text, 'filename="a.bin"')
    // Swagger UI uses an inline style, which the policy of @fastify/swagger-ui blocks.
    t.strictSame(ui.failures.filter(failure => !failure.startsWith('Applying inline style violates')), [])
  }
  await t.test('of @fastify/swagger-ui', async t => run(t, { staticCSP: true }, false))
  await t.test('of @fastify/helmet', async t => run(t, {}, true))
  await t.test('of both', async t => run(t, { staticCSP: true, transformStaticCSP: header => header }, true))
})

t.test('the options of the user stay in force', { skip }, async t => {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000, http2: true, https: { key: tlsKey, cert } }, { header: 'X-Reason' }))
  await document(app, {
    contract: { header: 'X-Reason' },
    ui: {
      theme: { title: 'Echoes', js: [{ filename: 'own.js', content: 'window.order = [typeof SwaggerUIBundle]' }] },
      uiConfig: {
        persistAuthorization: true,
        // The page runs this function, not this process.
        requestInterceptor: Object.assign(() => {}, { toString: () => "request => { request.headers['X-Added'] = 'yes'; request.url = request.url.replace('/renamed', '/who?a=b') }" }) as any,
        plugins: [Object.assign(() => {}, { toString: () => "() => ({ wrapComponents: { InfoUrl: () => () => 'your own plugin' } })" }) as any]
      }
    }
  }, app => {
    app.get('/renamed', async () => 'not reached')
    app.get('/who', { schema: { hide: true } }, async ({ headers, key }) => ({ key: key!.id, added: headers['x-added'] }))
    app.get('/token', { schema: { security: [{ token: [] }] }, config: { signature: false } }, async ({ headers }, reply) => headers['x-token'] === 'token' ? 'a' : reply.unprocessable('A token, please'))
    app.get('/exempt', { config: { reasonPhrase: false, signature: false } }, async (_request, reply) => reply.code(409).send({ mine: true }))
  })
  const origin = await listen(t, app)
  const page = await open(t, { ignoreHTTPSErrors: true })
  const ui = new SwaggerPage(page)
  await ui.goto(`${origin}/docs/`)
  t.equal(await page.title(), 'Echoes')
  t.match(await texts(page.locator('.info')), [/your own plugin/])
  t.strictSame(await page.evaluate('window.order'), ['function'])

  const token = ui.block('get', '/token')
  t.match(await ui.send(token), { statusCode: '422', error: ['A token, please', NOTHING] }, 'over HTTP/2, shows the reason of the header')
  t.match(await ui.send(ui.block('get', '/exempt')), { statusCode: '409', body: '"mine": true', error: ['HTTP status 409', NOTHING], titles: ['Reason', 'Response body', 'Response headers'] })

  await ui.authorize(KEY)
  const tokenForm = await ui.openForm('token')
  await tokenForm.getByLabel('Value').fill('token')
  await ui.apply(tokenForm)
  await ui.close(tokenForm)
  t.match(await ui.send(token), { statusCode: '200' })
  const renamed = await ui.send(ui.block('get', '/renamed'))
  t.equal(renamed.statusCode, '200')
  t.strictSame(JSON.parse(renamed.body!), { key: KEY.id, added: 'yes' }, 'the signature covers the changes of the interceptor of the user')

  const stored = await page.evaluate('JSON.stringify({ ...localStorage })') as string
  t.match(stored, 'token')
  t.notMatch(stored, KEY.secret)
  await ui.goto(`${origin}/docs/`)
  t.match(await ui.send(token), { statusCode: '200' }, 'Swagger UI has stored the credentials of another scheme')
  const form = await ui.openForm()
  t.equal(await form.getByLabel('Secret').inputValue(), '', 'Swagger UI has not stored the key')
  t.strictSame(ui.failures, [])
})

t.test('a service without signatures shows the reasons, and keeps the form of an API key', { skip }, async t => {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }))
  await document(app, { signed: false }, app => {
    app.get('/token', { schema: { security: [{ token: [] }] } }, async ({ headers }, reply) => headers['x-token'] === 'token' ? 'a' : reply.unauthorized('A token, please, *one* <b>only</b>'))
  })
  const origin = await listen(t, app)
  const ui = new SwaggerPage(await open(t))
  await ui.goto(`${origin}/docs`)
  const token = ui.block('get', '/token')
  t.match(await ui.send(token), { statusCode: '401', error: ['A token, please, *one* <b>only</b>', NOTHING] }, 'shows the reason as text, not as Markdown')
  const form = await ui.openForm('token')
  t.equal(await form.getByLabel('Secret').count(), 0)
  await form.getByLabel('Value').fill('token')
  await ui.apply(form)
  await ui.close(form)
  t.match(await ui.send(token), { statusCode: '200' })
  await app.close()
  const lost = await ui.send(token)
  t.match(lost, { error: [] }, 'shows no reason for a request without a response')
  t.equal(ui.failures.filter(failure => !failure.includes('ERR_CONNECTION_REFUSED')).length, 0)
})

t.test('the dialog says that a page without https cannot sign requests', { skip }, async t => {
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }))
  await document(app, {}, addEcho)
  const { port } = new URL(await listen(t, app))
  const ui = new SwaggerPage(await open(t))
  await ui.goto(`http://insecure.test:${port}/docs`)
  const form = await ui.openForm()
  await ui.fillKey(form, KEY)
  await form.getByRole('button', { name: 'Apply credentials' }).click()
  t.match(await texts(form.locator('.errors')), [/signing needs WebCrypto, which browsers have only on https and on localhost/])
})
