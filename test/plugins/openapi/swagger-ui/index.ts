import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { openapi, swaggerUiOptions } from '../../../../plugins/openapi/index.js'
import reasonPhrase from '../../../../plugins/reason-phrase/index.js'
import { createScript, SCRIPT_FILE } from '../../../../scripts/page/create-script.js'

async function createApp (t: Test, header?: string) {
  const app = Fastify({ pluginTimeout: 120_000 })
  t.teardown(() => app.close())
  await app.register(reasonPhrase, { header })
  return app
}

t.test('swaggerUiOptions() throws if the plugin is not registered', async t => {
  t.throws(() => swaggerUiOptions(Fastify()), { message: 'fastify-reason-phrase: the plugin is not registered. Write app.register(reasonPhrase) before swaggerUiOptions(app)' })
})

t.test('swaggerUiOptions() throws without a Fastify instance', async t => {
  for (const wrong of [undefined, { routePrefix: '/docs' }] as any[]) {
    t.throws(() => swaggerUiOptions(wrong), { name: 'TypeError', message: /^fastify-reason-phrase: swaggerUiOptions\(\) takes the Fastify instance as its first argument, as in swaggerUiOptions\(app, \{ routePrefix: '\/docs' \}\), not / })
  }
})

t.test('page-script.ts is up to date with page/', async t => {
  t.equal(readFileSync(join(import.meta.dirname, '../../../..', SCRIPT_FILE), 'utf8'), await createScript(), 'is up to date; if not, run npm run build:page')
})

t.test('adds its files to the files of a given theme', async t => {
  const app = await createApp(t)
  const css = [{ filename: 'own.css', content: 'b { color: red }' }]
  const options = swaggerUiOptions(app, { routePrefix: '/own', uiConfig: { docExpansion: 'none' }, theme: { title: 'Own', css } })
  t.match(options, { routePrefix: '/own', uiConfig: { docExpansion: 'none' }, theme: { title: 'Own' } })
  t.strictSame(options.theme!.css!.map(({ filename }) => filename), ['own.css', 'reason-phrase.css'])
  t.strictSame(options.theme!.js!.map(({ filename }) => filename), ['reason-phrase.js'])
  t.equal(css.length, 1, 'does not change the given options')
  t.match(options.theme!.js![0]!.content, 'const HEADERS = {"header":"EB-REASON-PHRASE"};')
  // @ts-expect-error The compiler checks the names of options.
  swaggerUiOptions(app, { routPrefix: '/own' })
})

t.test('@fastify/swagger-ui serves the files under its prefix, with its hooks', async t => {
  const app = await createApp(t)
  await app.register(swagger, openapi(app))
  await app.register(swaggerUi, swaggerUiOptions(app, {
    routePrefix: '/own',
    staticCSP: true,
    uiHooks: { onRequest: async (request, reply) => { if (request.headers.authorization === undefined) return reply.unauthorized() } }
  }))
  const script = swaggerUiOptions(app).theme!.js![0]!.content
  const get = (url: string, headers = { authorization: 'a' }) => app.inject({ url, headers })
  t.match(await get('/own/static/theme/reason-phrase.js'), {
    statusCode: 200, body: script, headers: { 'content-type': 'application/javascript; charset=utf-8', 'content-security-policy': /script-src 'self'/ }
  })
  t.match(await get('/own/static/theme/reason-phrase.css'), { statusCode: 200, headers: { 'content-type': 'text/css; charset=UTF-8' } })
  t.match(await get('/own'), { body: '<script src="/own/static/theme/reason-phrase.js"' })
  t.equal((await app.inject('/own/static/theme/reason-phrase.js')).statusCode, 401)
})

t.test('extends Swagger UI with the script, and keeps its configuration', async t => {
  const app = await createApp(t, 'X-Reason')
  const script = swaggerUiOptions(app).theme!.js![0]!.content
  let configuration: any
  const SwaggerUIBundle = Object.assign((given: any) => {
    configuration = given
    return 'the page'
  }, { presets: { apis: 'apis' } })
  const page: any = { SwaggerUIBundle, Headers, Request, FormData, fetch, crypto, TextEncoder, btoa }
  const globals = Object.keys(page).sort()
  runInNewContext(script, page)
  t.not(page.SwaggerUIBundle, SwaggerUIBundle)
  t.strictSame(page.SwaggerUIBundle.presets, SwaggerUIBundle.presets)
  t.strictSame(Object.keys(page).sort(), globals, 'adds no global variable')

  t.equal(page.SwaggerUIBundle({ url: '/json', plugins: ['own'] }), 'the page')
  t.match(configuration, { url: '/json', plugins: ['own', Function] })
  t.strictSame(await configuration.requestInterceptor({ url: '/a' }), { url: '/a' })

  page.SwaggerUIBundle({ requestInterceptor: (request: object) => ({ ...request, own: true }) })
  t.match(configuration.plugins, [Function])
  t.strictSame(await configuration.requestInterceptor({ url: '/a' }), { url: '/a', own: true })

  page.SwaggerUIBundle({ requestInterceptor: () => {} })
  t.strictSame(await configuration.requestInterceptor({ url: '/a' }), { url: '/a' }, 'lets an interceptor change the request in place')
})
