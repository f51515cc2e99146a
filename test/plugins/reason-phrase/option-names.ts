import type { Server } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import Fastify, { type FastifyHttp2Options, type FastifyHttp2SecureOptions, type FastifyHttpOptions, type FastifyHttpsOptions } from 'fastify'
import t from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import type { FASTIFY_OPTIONS } from '../../../plugins/reason-phrase/option-names.js'

const PREFIX = 'fastify-reason-phrase: '
const throwsFor = (first: unknown, second?: unknown) => () => serverOptions(first as object, second as object)
const register = (options: object) => async () => { await Fastify().register(reasonPhrase, options) }

t.test('serverOptions() throws for options of the plugin in its first argument, and shows the call to write', async t => {
  for (const [options, name, call] of [
    [{ header: 'X-Reason' }, 'header', 'serverOptions(fastifyOptions, { header })'],
    [{ statusCodes: { 429: 'Too Many Requests' } }, 'statusCodes', 'serverOptions(fastifyOptions, { statusCodes })'],
    [{ exposeServerErrors: true }, 'exposeServerErrors', 'serverOptions(fastifyOptions, { exposeServerErrors })'],
    [{ challenge: 'Bearer' }, 'challenge', 'serverOptions(fastifyOptions, { challenge })'],
    [{ logger: true, header: 'X', statusCodes: {} }, 'header', 'serverOptions(fastifyOptions, { header, statusCodes })'],
    [{ errorSchemas: 'ignore' }, 'errorSchemas', 'app.register(reasonPhrase, { errorSchemas })'],
    [{ requireSchemas: true }, 'requireSchemas', 'app.register(reasonPhrase, { requireSchemas })'],
    [{ challenge: 'Bearer', requireSchemas: true }, 'challenge', 'serverOptions(fastifyOptions, { challenge }) and app.register(reasonPhrase, { requireSchemas })'],
    [{ statusCode: {} }, 'statusCode', 'serverOptions(fastifyOptions, { statusCodes })'],
    [{ exposeServerError: true }, 'exposeServerError', 'serverOptions(fastifyOptions, { exposeServerErrors })']
  ] as const) {
    const message = `${PREFIX}serverOptions() has the option "${name}" in its first argument, which is for Fastify's options. Write ${call}`
    t.throws(throwsFor(options), { name: 'TypeError', message }, message)
  }
})

t.test("serverOptions() throws for Fastify's options in its second argument", async t => {
  t.throws(throwsFor({}, { logger: true }), { name: 'TypeError', message: `${PREFIX}serverOptions() has Fastify's option "logger" in its second argument. Write serverOptions({ logger }, options)` })
  t.throws(throwsFor({}, { header: 'X', bodyLimit: 1, trustProxy: true }), { name: 'TypeError', message: `${PREFIX}serverOptions() has Fastify's option "bodyLimit" in its second argument. Write serverOptions({ bodyLimit, trustProxy }, options)` })
})

t.test('serverOptions() throws for options of register() in its second argument', async t => {
  for (const name of ['errorSchemas', 'requireSchemas']) {
    t.throws(throwsFor({}, { [name]: true }), { name: 'TypeError', message: `${PREFIX}serverOptions() has the option "${name}", which is for register(). Write app.register(reasonPhrase, { ${name} })` })
  }
})

t.test('serverOptions() throws for unknown options in its second argument, and accepts them in its first argument', async t => {
  t.throws(throwsFor({}, { statuscodes: {} }), { name: 'TypeError', message: `${PREFIX}unknown option "statuscodes" of serverOptions(); did you mean "statusCodes"? The options are header, statusCodes, exposeServerErrors, challenge and requestId` })
  t.throws(throwsFor({}, []), { name: 'TypeError', message: /options must be a plain object/ })
  t.doesNotThrow(throwsFor({ logger: false, trustProxy: true, plugins: [], routerOptions: {}, requestIdHeader: 'x-request-id', http: null }))
})

t.test('serverOptions() throws for a first argument that is not an object', async t => {
  for (const [value, shown] of [[null, 'null'], [1, '1'], ['x', "'x'"], [[], '[]']] as const) {
    t.throws(throwsFor(value), { name: 'TypeError', message: `${PREFIX}serverOptions() takes an object of Fastify's options, such as serverOptions({ logger: true }), not ${shown}` })
  }
})

t.test("register() rejects Fastify's options", async t => {
  await t.rejects(register({ logger: true, header: 'X', pluginTimeout: 1 }), {
    name: 'TypeError', message: `${PREFIX}register() has Fastify's option "logger". Write Fastify(serverOptions({ logger, pluginTimeout }))`
  })
})

t.test('register() rejects unknown options, and names the option that is probably meant', async t => {
  const known = 'The options are header, statusCodes, exposeServerErrors, challenge, requestId, errorSchemas and requireSchemas'
  await t.rejects(register({ requireSchema: true }), { name: 'TypeError', message: `${PREFIX}unknown option "requireSchema"; did you mean "requireSchemas"? ${known}` })
  await t.rejects(register({ verbose: {} }), { name: 'TypeError', message: `${PREFIX}unknown option "verbose". ${known}` })
})

t.test('register() names the options that differ, with both values', async t => {
  const again = (server: object, options: object) => async () => {
    await Fastify(serverOptions({}, server)).register(reasonPhrase, options)
  }
  const fix = 'Give each option once, or with the same value'
  await t.rejects(again({ header: 'X-A' }, { header: 'X-B' }), { message: `${PREFIX}the options differ: header is 'X-B' here, and 'X-A' in serverOptions(). ${fix}` })
  await t.rejects(again({ challenge: 'Bearer' }, { statusCodes: { 429: 'Slow Down' }, challenge: 'HMAC' }), {
    message: `${PREFIX}the options differ: statusCodes is { '429': 'Slow Down' } here, and {} in serverOptions(); challenge is 'HMAC' here, and 'Bearer' in serverOptions(). ${fix}`
  })
  await t.resolves(again({ header: 'X-A', challenge: 'Bearer' }, { header: 'X-A', statusCodes: undefined }), 'accepts a part of the same options')
  await t.resolves(again({ statusCodes: { 429: 'Slow Down' } }, { challenge: 'HMAC' }), 'accepts a default value')

  const twice = (first: object, second: object) => async () => {
    const app = Fastify()
    await app.register(reasonPhrase, first)
    await app.register(reasonPhrase, second)
  }
  await t.rejects(twice({ header: 'X-A' }, { header: 'X-B', requireSchemas: true }), { message: `${PREFIX}the options differ: header is 'X-B' here, and 'X-A' in an earlier registration; requireSchemas is true here, and false in an earlier registration. ${fix}` })
  await t.rejects(twice({ errorSchemas: 'ignore' }, { errorSchemas: 'reject', requireSchemas: true }), {
    message: `${PREFIX}the options differ: errorSchemas is 'reject' here, and 'ignore' in an earlier registration; requireSchemas is true here, and false in an earlier registration. ${fix}`
  })
  await t.resolves(twice({ errorSchemas: 'ignore' }, { requireSchemas: false }), 'accepts a default value')
})

type KeysOf<Options> = Options extends unknown ? keyof Options : never
type FastifyOption = KeysOf<FastifyHttpOptions<Server> | FastifyHttpsOptions<HttpsServer> | FastifyHttp2Options<Http2Server> | FastifyHttp2SecureOptions<Http2SecureServer>>
type Listed = (typeof FASTIFY_OPTIONS)[number]

// Not a type test, because TSTyche would load the whole project for it.
t.test("the list of Fastify's options has all names of its types, or npm run typecheck fails", async t => {
  const isSame: [Listed, FastifyOption] extends [FastifyOption, Listed] ? true : false = true
  t.ok(isSame)
})
