import { join } from 'node:path'
import { validate } from '@readme/openapi-parser'
import fc from 'fast-check'
import createClient from 'openapi-fetch'
import openapiTS, { astToString } from 'openapi-typescript'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { signer } from '../../../client/index.js'
import * as health from '../../../schemas/health.js'
import * as maintenance from '../../../schemas/maintenance.js'
import * as message from '../../../schemas/message.js'
import * as subscription from '../../../schemas/subscription.js'
import * as topic from '../../../schemas/topic.js'
import { sqlite } from '../../fixtures/database.js'
import { createService } from '../../fixtures/service.js'
import { KEY } from '../../fixtures/sign.js'

// The tests run the TypeScript compiler, which is slow.
t.setTimeout(300_000)

/** Returns the document that the service sends. */
async function documentOf (t: Test): Promise<any> {
  const app = await createService(t, await sqlite.open(t))
  const { statusCode, headers, body } = await app.inject('/docs/json')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^application\/json\b/)
  return JSON.parse(body)
}

/** Returns the patterns of a document. */
function findPatterns (node: any, patterns = new Set<string>()): Set<string> {
  if (typeof node !== 'object' || node === null) return patterns
  if (typeof node.pattern === 'string') patterns.add(node.pattern)
  for (const child of Object.values(node)) findPatterns(child, patterns)
  return patterns
}

t.test('the OpenAPI document', async t => {
  const document = await documentOf(t)

  t.test('has every operation of the service, and no other', async t => {
    const operations = Object.entries<object>(document.paths).flatMap(([path, item]) => Object.keys(item).map(method => `${method} ${path}`))
    t.strictSame(operations.sort(), [
      'delete /v2/topic/{topicId}',
      'get /health',
      'get /v2/maintenance',
      'get /v2/message/{messageId}',
      'get /v2/operation/{key}',
      'get /v2/topic',
      'get /v2/topic/{topicId}',
      'get /v2/topic/{topicId}/message',
      'get /v2/topic/{topicId}/subscription',
      'post /v2/topic',
      'post /v2/topic/{topicId}/message',
      'post /v2/topic/{topicId}/subscription',
      'put /v2/maintenance',
      'put /v2/operation/{key}'
    ])
  })

  t.test('has a title, and explains the contract', async t => {
    const { openapi, info } = document
    t.match(openapi, /^3\.1\./)
    t.match(info, { title: 'Topics', version: '2', description: /^A registry of topics\.\n\n.*`EB-REASON-PHRASE`/ })
    t.match(document.servers, [{ url: '/' }])
  })

  t.test('has a name for each operation', async t => {
    const ids = Object.values<object>(document.paths).flatMap(path => Object.values(path).map(({ operationId }) => operationId))
    t.match(ids, ids.map(() => /^(?:get|post|put|delete)[A-Z][A-Za-z0-9]*$/))
    t.equal(new Set(ids).size, ids.length)
    t.equal(document.paths['/v2/topic/{topicId}'].get.operationId, 'getV2TopicByTopicId')
  })

  t.test('has patterns that mean the same with each flag of a regular expression', async t => {
    const patterns = findPatterns(document)
    t.ok(patterns.has(topic.NewTopic.properties.name.pattern!))
    for (const pattern of patterns) {
      const [none, unicode, sets] = ['', 'u', 'v'].map(flags => new RegExp(pattern, flags))
      const text = fc.oneof(
        fc.stringMatching(unicode!),
        fc.string({ unit: 'binary' }),
        fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 }).map(units => String.fromCharCode(...units)),
        fc.tuple(fc.stringMatching(unicode!), fc.string({ unit: 'binary', maxLength: 2 })).map(texts => texts.join(''))
      )
      fc.assert(fc.property(text, text => {
        const matches = unicode!.test(text)
        return none!.test(text) === matches && sets!.test(text) === matches
      }), { numRuns: 500 })
      t.notMatch(pattern, /\\[pPu]\{|\(\?[^:]/, 'no syntax that some tools do not know')
    }
    for (const name of ['orders.created', 'Bestellung/Größe', '订单', '🚌']) {
      for (const flags of ['', 'u', 'v']) t.match(name, new RegExp(topic.NewTopic.properties.name.pattern!, flags))
    }
  })

  t.test('has the header fields of the cursors, and Location', async t => {
    const { get, post } = document.paths['/v2/topic']
    t.strictSame(Object.keys(get.responses[200].headers), ['EB-BEFORE', 'EB-AFTER'])
    for (const header of Object.values<any>(get.responses[200].headers)) t.match(header, { description: /page of (newer|older) topics/, schema: { type: 'string', examples: [/^EBT-/] } })
    t.match(post.responses[201].headers, { Location: { schema: { type: 'string' } } })
    t.match(get.parameters.find(({ name }: { name: string }) => name === 'limit'), { required: false, schema: { default: 500 } })
  })

  t.test('has the errors of each operation', async t => {
    const errors = (path: string, method: string) => Object.keys(document.paths[path][method].responses).map(Number).filter(code => code >= 400)
    t.strictSame(errors('/health', 'get'), [500, 503])
    t.strictSame(errors('/v2/topic', 'get'), [400, 401, 403, 500, 503])
    t.strictSame(errors('/v2/topic', 'post'), [400, 401, 403, 422, 500, 503])
    t.strictSame(errors('/v2/topic/{topicId}', 'get'), [400, 401, 403, 404, 500, 503])
    t.strictSame(errors('/v2/topic/{topicId}', 'delete'), [400, 401, 403, 404, 422, 500, 503])
    t.strictSame(errors('/v2/topic/{topicId}/subscription', 'get'), [400, 401, 403, 404, 500, 501, 503])
    t.strictSame(errors('/v2/topic/{topicId}/subscription', 'post'), [400, 401, 403, 404, 422, 500, 501, 503])
    t.strictSame(errors('/v2/topic/{topicId}/message', 'post'), [400, 401, 403, 404, 422, 500, 503])
    t.strictSame(errors('/v2/topic/{topicId}/message', 'get'), [400, 401, 403, 404, 422, 500, 503])
    t.strictSame(errors('/v2/message/{messageId}', 'get'), [400, 401, 403, 404, 500, 503])
    for (const method of ['get', 'put']) t.strictSame(errors('/v2/operation/{key}', method), [400, 401, 403, 404, 422, 500, 503])
    t.strictSame(errors('/v2/maintenance', 'get'), [401, 403, 500, 503])
    t.strictSame(errors('/v2/maintenance', 'put'), [400, 401, 403, 422, 500, 503])
    t.match(document.paths['/v2/topic'].post.responses[422].description, /^The name is taken, or the media type is malformed\. .*no body/)
    for (const method of ['get', 'delete']) {
      t.match(document.paths['/v2/topic/{topicId}'][method].responses[404].description, /^No topic has this id\. .*no body/)
    }
  })

  t.test('has the permission that each operation requires', async t => {
    t.match(document.components.securitySchemes, { signature: { type: 'apiKey', in: 'header', name: 'Signature', description: /RFC 9421.*hmac-sha256/ } })
    const security = (path: string, method: string) => document.paths[path][method].security
    t.strictSame(security('/health', 'get'), [])
    t.strictSame(security('/v2/topic', 'get'), [{ signature: ['topic:read'] }])
    t.strictSame(security('/v2/topic', 'post'), [{ signature: ['topic:write'] }])
    t.strictSame(security('/v2/topic/{topicId}', 'delete'), [{ signature: ['topic:write'] }])
    for (const method of ['get', 'put']) {
      const roles = security('/v2/operation/{key}', method).map(({ signature }: { signature: string[] }) => signature)
      t.strictSame(roles.sort(), [['message:write'], ['operator'], ['topic:write']], 'needs one of the permissions of the idempotent operations')
    }
  })

  t.test('has the Idempotency-Key parameter of the idempotent operations', async t => {
    const isKey = ({ name }: { name: string }) => name === 'Idempotency-Key'
    const marks = { 'Idempotency-Status': { $ref: '#/components/headers/Idempotency-Status' }, 'Idempotent-Replayed': { $ref: '#/components/headers/Idempotent-Replayed' } }
    const keyed = Object.entries<object>(document.paths).flatMap(([path, item]) => Object.entries<any>(item).filter(([, { parameters = [] }]) => parameters.some(isKey)).map(([method]) => [method, path]))
    t.strictSame(keyed.map(operation => operation.join(' ')).sort(), ['delete /v2/topic/{topicId}', 'post /v2/topic', 'post /v2/topic/{topicId}/message', 'put /v2/maintenance'])
    for (const [method, path] of keyed) {
      const { parameters, responses } = document.paths[path!][method!]
      t.match(parameters.find(isKey), { in: 'header', required: false })
      const success = Object.keys(responses).find(statusCode => statusCode < '300')!
      for (const statusCode of [success, 422]) t.match(responses[statusCode].headers, marks, path)
      t.match(responses[503].headers, { 'Retry-After': { $ref: '#/components/headers/Retry-After' } })
    }
    t.match(document.paths['/v2/topic'].post.responses[422].description, /malformed\. The Idempotency-Key was used for another request/)
    t.ok(document.components.headers['Idempotency-Status'].schema)
  })

  t.test('has a component for each schema that it uses more than once', async t => {
    t.strictSame(document.components.schemas, JSON.parse(JSON.stringify({
      Maintenance: maintenance.Maintenance,
      Message: { ...message.Message, properties: { ...message.Message.properties, status: { $ref: '#/components/schemas/MessageStatus' } } },
      MessageStatus: message.MessageStatus,
      Subscription: subscription.Subscription,
      Topic: topic.Topic
    })))
    const { schema, example } = document.paths['/health'].get.responses[200].content['application/json']
    t.match(schema, { type: 'object', description: health.Health.description })
    t.strictSame(example, health.Health.examples[0])
  })

  t.test('is valid, without errors and warnings', async t => {
    t.strictSame(await validate(structuredClone(document)), { valid: true, warnings: [], specification: 'OpenAPI' })

    // Check that the validator finds each of these faults. If it does not, its result means nothing.
    const faults: Array<[string, (document: any) => void]> = [
      ['a header that is missing', ({ components }) => { delete components.headers['EB-REASON-PHRASE'] }],
      ['a header without a schema', ({ components }) => { delete components.headers['EB-REASON-PHRASE'].schema }],
      ['a response that is missing', ({ components }) => { delete components.responses[503] }],
      ['a response without a description', ({ components }) => { delete components.responses[503].description }],
      ['a schema that is missing', ({ components }) => { delete components.schemas.Topic }],
      ['a parameter that is missing', ({ paths }) => { delete paths['/v2/topic/{topicId}'].get.parameters }],
      ['a status code that is none', ({ paths }) => { paths['/health'].get.responses[999] = { description: '' } }]
    ]
    for (const [fault, make] of faults) {
      const faulty = structuredClone(document)
      make(faulty)
      t.match(await validate(faulty), { valid: false }, fault)
    }
  })
})

// Checks the types of all errors of all operations in a generated client.
const ERRORS = `
import type { paths } from './api.js'

type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch' | 'trace'
type Operation = { [Path in keyof paths]: paths[Path][Method & keyof paths[Path]] }[keyof paths]
type ErrorsOf<T> = T extends { responses: infer Responses } ? Responses[Exclude<keyof Responses, 200 | 201 | 202>] : never
type Errors = ErrorsOf<Operation>
type Is<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

export const content: Is<Errors['content'], undefined> = true
export const reason: Is<Errors['headers']['EB-REASON-PHRASE'], string> = true
`

// A typical use of a generated client.
const CLIENT = `
import createClient from 'openapi-fetch'
import type { components, paths } from './api.js'

const client = createClient<paths>({ baseUrl: 'http://127.0.0.1' })
type Topic = components['schemas']['Topic']

export async function find (topicId: string): Promise<Topic | string | null> {
  const { data, error, response } = await client.GET('/v2/topic/{topicId}', { params: { path: { topicId } } })
  if (data !== undefined) return data
  const nothing: undefined = error
  return nothing ?? response.headers.get('EB-REASON-PHRASE')
}

export async function create (name: string): Promise<string | undefined> {
  const { data } = await client.POST('/v2/topic', { body: { name, description: '', mediaType: 'text/plain' } })
  return data?.topicId
}

export async function list (): Promise<string[]> {
  const { data } = await client.GET('/v2/topic', { params: { query: { name: 'a' } } })
  return data?.items.map(({ createAt, deleteAt }) => deleteAt ?? createAt) ?? []
}

export const all = () => client.GET('/v2/topic')
`

// Code that must not compile, with the expected error.
const BEGIN = `
import createClient from 'openapi-fetch'
import type { paths } from './api.js'
const client = createClient<paths>()
`
const WRONG: Array<[string, number, RegExp]> = [
  [
    `${BEGIN}const { data, error } = await client.GET('/v2/topic/{topicId}', { params: { path: { topicId: '' } } })
    export const message = data ? '' : error.message`,
    18048, /^'error' is possibly 'undefined'/
  ],
  [
    `${BEGIN}const { data, error } = await client.DELETE('/v2/topic/{topicId}', { params: { path: { topicId: '' } } })
    export const message = data ? '' : error!.message`,
    2339, /^Property 'message' does not exist on type 'never'/
  ],
  [
    `${BEGIN}const { error } = await client.POST('/v2/topic', { body: { name: '', description: '', mediaType: '' } })
    export const body: { message: string } | undefined = error
    export const message: string = error`,
    2322, /^Type 'undefined' is not assignable to type 'string'/
  ],
  [
    `${BEGIN}export type Body = paths['/v2/topic']['post']['responses'][422]['content']['application/json']`,
    2339, /^Property 'application\/json' does not exist on type 'undefined'/
  ],
  [
    `${BEGIN}export type Conflict = paths['/v2/topic']['post']['responses'][409]`,
    2339, /^Property '409' does not exist on type/
  ],
  [
    `${BEGIN}export const created = client.POST('/v2/topic', { body: { name: '', description: '' } })`,
    2322, /Property 'mediaType' is missing in type/
  ],
  [
    `${BEGIN}const { data } = await client.GET('/health')
    export const state = data?.database.state === 'away'`,
    2367, /have no overlap/
  ],
  [
    `${BEGIN}export const one = client.GET('/v2/topic/{topicId}')`,
    2554, /^Expected 2 arguments, but got 1/
  ]
]

/** Compiles a client of the document. Returns the diagnostics of each file. */
async function compile (t: Test, document: object, files: Record<string, string>): Promise<Record<string, Array<[number, string]>>> {
  const folder = t.testdir({
    'package.json': '{ "type": "module" }',
    'api.ts': astToString(await openapiTS(structuredClone(document) as never)),
    ...files
  })
  const names = ['api.ts', ...Object.keys(files)]
  const program = ts.createProgram(names.map(name => join(folder, name)), {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: [],
    strict: true,
    skipLibCheck: true,
    noEmit: true
  })
  t.strictSame(program.getOptionsDiagnostics(), [])
  t.strictSame(program.getGlobalDiagnostics(), [])
  return Object.fromEntries(names.map(name => {
    const source = program.getSourceFile(join(folder, name))
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return [name, diagnostics.map(({ code, messageText }) => [code, ts.flattenDiagnosticMessageText(messageText, '\n')])]
  }))
}

t.test('a client that is generated from the document', async t => {
  const document = await documentOf(t)

  t.test('compiles, and its errors have no content', async t => {
    const wrong = Object.fromEntries(WRONG.map(([source], index) => [`wrong${index}.ts`, source]))
    const diagnostics = await compile(t, document, { 'errors.ts': ERRORS, 'client.ts': CLIENT, ...wrong })
    for (const name of ['api.ts', 'errors.ts', 'client.ts']) t.strictSame(diagnostics[name], [], name)
    for (const [index, [source, code, message]] of WRONG.entries()) {
      t.match(diagnostics[`wrong${index}.ts`], [[code, message]], source)
      t.equal(diagnostics[`wrong${index}.ts`]!.length, 1)
    }
  })

  t.test('would not compile if an error had content', async t => {
    document.components.responses[503].content = { 'application/json': { schema: { type: 'object', properties: { message: { type: 'string' } } } } }
    const diagnostics = await compile(t, document, { 'errors.ts': ERRORS, 'client.ts': CLIENT })
    t.strictSame(diagnostics['api.ts'], [])
    t.match(diagnostics['errors.ts'], [[2322, /^Type 'true' is not assignable to type 'false'/]])
    t.match(diagnostics['client.ts'], [[2322, /is not assignable to type 'undefined'/]])
  })

  t.test('gets responses that match its types', async t => {
    const app = await createService(t, await sqlite.open(t))
    const sign = signer(KEY)
    const client = createClient<any>({
      baseUrl: await app.listen({ host: '127.0.0.1', port: 0 }),
      fetch: async request => fetch(await sign(request))
    })
    const topicId = `EBT-${'0'.repeat(32)}`
    const { data, error, response } = await client.GET('/v2/topic/{topicId}', { params: { path: { topicId } } })
    t.equal(response.status, 404)
    t.equal(response.headers.get('EB-REASON-PHRASE'), `No topic ${topicId}`)
    t.equal(data, undefined)
    t.equal(error, undefined)
    const list = await client.GET('/v2/topic', {})
    t.match(list.data, { limit: 500, items: [] })
  })
})

t.test('GET /docs returns the page', async t => {
  const app = await createService(t, await sqlite.open(t))
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html\b/)
})
