import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { STATUS_CODES } from '../../../lib/status-codes.js'
import { documentOf, handler, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

/** Adds a route with each of these errors, without a description of its own. */
const addErrors = (...statusCodes: Array<number | string>) => (app: FastifyInstance) => {
  app.get('/', { schema: { response: Object.fromEntries(statusCodes.map(statusCode => [statusCode, Type.Null()])) } }, handler)
}

t.test('adds to the components', async t => {
  t.test('the header, and each error of the table', async t => {
    const { openapi, components, paths } = await documentOf(t, addErrors(...Object.keys(STATUS_CODES)))
    t.equal(openapi, '3.1.0')
    t.strictSame(Object.keys(paths), ['/'])
    t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE'])
    const { description, required, schema, example } = components.headers['EB-REASON-PHRASE']
    t.match(description, /message of an unsuccessful response/)
    t.equal(required, true)
    t.match(schema, { type: 'string', maxLength: 512 })
    const pattern = new RegExp(schema.pattern, 'u')
    t.match(example, pattern, 'a mock server sends the example')
    for (const text of ['a', ' ~', 'x'.repeat(512)]) t.match(text, pattern)
    for (const text of ['ü', 'a\n', '\t', '\x7f', 'a\0b']) t.notMatch(text, pattern)

    t.strictSame(Object.keys(components.responses), Object.keys(STATUS_CODES))
    for (const [statusCode, { meaning }] of Object.entries(STATUS_CODES)) {
      const sentences: Record<string, string[]> = {
        401: ['The request is not authenticated.'],
        500: [meaning, UNKNOWN_STATUS],
        // Nothing was executed.
        501: [meaning],
        503: [meaning, UNKNOWN_STATUS]
      }
      t.strictSame(components.responses[statusCode], {
        description: [...sentences[statusCode] ?? [meaning], NO_BODY].join(' '),
        headers: { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
      }, statusCode)
    }
  })

  t.test('the errors and the name of the header of the options', async t => {
    const contract = { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests', 504: 'Gateway Timeout' } }
    const { info, components, paths } = await documentOf(t, app => {
      app.get('/own', { config: { errors: { 429: 'Wait.' } } }, handler)
      addErrors(429, 504)(app)
    }, { contract })
    t.strictSame(Object.keys(components.headers), ['X-Reason'])
    t.match(info.description, /`X-Reason` header/)
    const headers = { 'X-Reason': { $ref: '#/components/headers/X-Reason' } }
    t.strictSame(Object.keys(components.responses), ['429', '500', '503', '504'])
    t.strictSame(components.responses[429], { description: `Too Many Requests. ${NO_BODY}`, headers })
    t.strictSame(components.responses[504], { description: `Gateway Timeout. ${UNKNOWN_STATUS} ${NO_BODY}`, headers })
    t.strictSame(paths['/own'].get.responses[429], { description: `Wait. ${NO_BODY}`, headers })
  })
})

t.test('keeps the parts of the document that are given', async t => {
  const document = {
    info: { title: 'Items', version: '7', description: 'Of items.', license: { name: 'MIT', url: 'https://example.com' } },
    servers: [{ url: 'https://example.com' }],
    tags: [{ name: 'item' }],
    components: {
      headers: { Other: { schema: { type: 'string' } } },
      responses: { Other: { description: 'Another' } },
      schemas: { Other: { type: 'integer' } },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } }
    }
  }
  const before = structuredClone(document)
  const { info, servers, tags, components } = await documentOf(t, app => { app.get('/', handler) }, { document })
  t.strictSame(document, before, 'the given object is not changed')

  const { description, ...rest } = document.info
  t.match(info, rest)
  const [first, contract, ...others] = info.description.split('\n\n')
  t.equal(first, description)
  for (const said of ['no body', '`EB-REASON-PHRASE`', 'ASCII', '512', '128', 'reason phrase', '4xx the operation was rejected', '5xx its execution status is unknown', 'may have succeeded']) {
    t.ok(contract.includes(said), said)
  }
  t.strictSame(others, [])
  t.strictSame(servers, document.servers)
  t.strictSame(tags, document.tags)
  for (const part of ['headers', 'responses', 'schemas', 'securitySchemes'] as const) t.match(components[part], document.components[part])
  t.strictSame(Object.keys(components.headers), ['Other', 'EB-REASON-PHRASE'])

  const { info: own } = await documentOf(t, () => {})
  t.strictSame(own, { title: 'API', version: '0.0.0', description: contract })
})

t.test('leaves out the errors that no operation has, except those of the document', async t => {
  const { components } = await documentOf(t, () => {})
  t.strictSame(components.responses, {})

  const document = {
    components: { responses: { Other: { description: 'Another' } } },
    paths: { '/own': { get: { responses: { 404: { $ref: '#/components/responses/404' } } } } }
  }
  const own = await documentOf(t, () => {}, { document })
  t.strictSame(Object.keys(own.components.responses), ['404', 'Other'], 'an operation of the document refers to an error')
})

t.test('keeps what the document says about the header and the errors', async t => {
  const headers = { 'EB-REASON-PHRASE': { description: 'Why', schema: { type: 'string' } } }
  const responses = { 404: { description: 'Nothing is here.' }, 401: { description: 'Who are you?' }, 429: { description: 'Wait.' } }
  const components = { headers, responses, securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } } }
  const document = await documentOf(t, app => {
    app.get('/:id', { config: { rateLimit: {} } as object, schema: { security: [{ basic: [] }] } }, handler)
    app.get('/', { schema: { security: [{ bearer: [] }] } }, handler)
  }, { document: { components }, contract: { statusCodes: { 429: 'Too Many Requests' } } })
  t.strictSame(document.components.headers['EB-REASON-PHRASE'], headers['EB-REASON-PHRASE'])
  for (const [statusCode, response] of Object.entries(responses)) t.strictSame(document.components.responses[statusCode], response)
  for (const [path, statusCodes] of [['/{id}', [401, 404, 429]], ['/', [401]]] as const) {
    for (const statusCode of statusCodes) t.strictSame(document.paths[path].get.responses[statusCode], { $ref: `#/components/responses/${statusCode}` })
  }
})

t.test('does not change the paths of the document', async t => {
  const document = { paths: { '/own': { summary: 'Mine', get: { operationId: 'getA', responses: { 200: { description: 'Fine' }, 201: { description: 'New' } } } } } }
  const before = structuredClone(document)
  const { paths } = await documentOf(t, app => { app.get('/a', handler) }, { document })
  t.strictSame(document, before)
  t.strictSame(paths['/own'], before.paths['/own'])
  t.equal(paths['/a'].get.operationId, 'getA2')
})
