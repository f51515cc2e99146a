import swagger from '@fastify/swagger'
import { validate } from '@readme/openapi-parser'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { openapi } from '../../../plugins/openapi/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { logTo } from '../../fixtures/log.js'
import { assertInjectedError } from '../../fixtures/service.js'

const Item = Type.Object({ name: Type.String() }, { description: 'An item' })

async function open (t: Test, routes: (app: FastifyInstance) => void) {
  const lines: Array<{ level: number, msg: string }> = []
  const app = Fastify({ logger: logTo(lines) })
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(swagger, openapi(app))
  routes(app)
  await app.ready()
  return { app, planned: lines.filter(({ msg }) => /not implemented yet/.test(msg)).map(({ level, msg }) => [level, msg]) }
}

t.test('sends 501 after authentication and validation', async t => {
  const { app } = await open(t, app => {
    app.addHook('onRequest', async ({ headers }, reply) => { if (headers.authorization === undefined) return reply.unauthorized('Who are you?') })
    app.post('/item/:id', { schema: { body: Item, response: { 201: Item } } }, app.notImplemented)
    app.get('/item/:id', { schema: { response: { 200: Item } } }, app.notImplemented)
  })
  const ask = (payload: object | undefined, headers = {}, method: 'GET' | 'HEAD' | 'POST' = 'POST') => app.inject({ method, url: '/item/1', payload, headers })
  const authorization = 'me'
  assertInjectedError(t, await ask({ name: 'a' }), 401, 'Who are you?')
  assertInjectedError(t, await ask({}, { authorization }), 400, /^body must have required property 'name'$/)
  assertInjectedError(t, await ask({ name: 'a' }, { authorization }), 501, 'POST /item/:id is not implemented yet')
  assertInjectedError(t, await ask(undefined, { authorization }, 'GET'), 501, 'GET /item/:id is not implemented yet')
  t.equal((await ask(undefined, { authorization }, 'HEAD')).statusCode, 501)
})

t.test('logs all routes that are not implemented in one line at start', async t => {
  const { planned } = await open(t, app => {
    app.get('/', async () => 'ok')
    app.get('/a', app.notImplemented)
    app.register(async child => { child.route({ method: ['PUT', 'PATCH'], url: '/b', handler: child.notImplemented }) }, { prefix: '/child' })
  })
  t.strictSame(planned, [[30, 'fastify-reason-phrase: not implemented yet: GET /a; PUT, PATCH /child/b']])
  t.strictSame((await open(t, app => { app.get('/', async () => 'ok') })).planned, [], 'logs no line if all routes are implemented')
})

t.test('marks routes that are not implemented in the OpenAPI document', async t => {
  const schema = { summary: 'Get an item', description: 'By its name.', response: { 200: Item } } as object
  const { app } = await open(t, app => {
    app.get('/now', { schema }, async () => ({ name: 'a' }))
    app.get('/later', { schema }, app.notImplemented)
    app.get('/bare', app.notImplemented)
    app.get('/own', { config: { errors: { 501: 'With version 3.' } } }, app.notImplemented)
  })
  const document = JSON.parse(JSON.stringify(app.swagger()))
  t.match(await validate(structuredClone(document)), { valid: true, warnings: [] })
  const { '/now': now, '/later': later, '/bare': bare, '/own': own } = document.paths
  t.notOk('x-not-implemented' in now.get)
  t.notOk('501' in now.get.responses)
  t.equal(now.get.description, 'By its name.')

  const NOT_YET = 'Not implemented yet: a valid request gets 501.'
  t.match(later.get, { summary: 'Get an item', 'x-not-implemented': true, description: `By its name.\n\n${NOT_YET}` })
  t.strictSame(later.get.responses['501'], { $ref: '#/components/responses/501' })
  t.hasProp(later.get.responses['200'], 'content', 'keeps the schema of the success')
  t.match(bare.get, { 'x-not-implemented': true, description: NOT_YET })
  t.match(own.get.responses['501'].description, /^With version 3\. /)
})
