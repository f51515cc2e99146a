import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { STATUS_CODES } from '../../../lib/status-codes.js'
import { documentOf, handler, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

/** Returns a function that adds a route with these errors, without descriptions. */
const addErrors = (...statusCodes: Array<number | string>) => (app: FastifyInstance) => {
  app.get('/', { schema: { response: Object.fromEntries(statusCodes.map(statusCode => [statusCode, Type.Null()])) } }, handler)
}

t.test('adds to the components', async t => {
  t.test('the header field, and each error of the table', async t => {
    const { openapi, components, paths } = await documentOf(t, addErrors(...Object.keys(STATUS_CODES)))
    t.equal(openapi, '3.1.0')
    t.strictSame(Object.keys(paths), ['/'])
    t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE'])
    const { description, required, schema, example } = components.headers['EB-REASON-PHRASE']
    t.match(description, /message of an unsuccessful response/)
    t.equal(required, true)
    t.match(schema, { type: 'string', maxLength: 512 })
    const pattern = new RegExp(schema.pattern, 'u')
    t.match(example, pattern, 'has an example that a mock server can send')
    for (const text of ['a', ' ~', 'x'.repeat(512)]) t.match(text, pattern)
    for (const text of ['ü', 'a\n', '\t', '\x7f', 'a\0b']) t.notMatch(text, pattern)

    t.strictSame(Object.keys(components.responses), Object.keys(STATUS_CODES))
    for (const [statusCode, { meaning }] of Object.entries(STATUS_CODES)) {
      const sentences: Record<string, string[]> = {
        401: ['The request is not authenticated.'],
        500: [meaning, UNKNOWN_STATUS],
        // After a 501, the status is known: nothing was executed.
        501: [meaning],
        503: [meaning, UNKNOWN_STATUS]
      }
      t.strictSame(components.responses[statusCode], {
        description: [...sentences[statusCode] ?? [meaning], NO_BODY].join(' '),
        headers: { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
      }, statusCode)
    }
  })

  t.test('the errors of the option statusCodes, and the name of the option header', async t => {
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

  t.test('the header field of the option requestId, to each error', async t => {
    for (const [requestId, name] of [[true, 'x-request-id'], ['X-Trace', 'X-Trace']] as const) {
      const { components, paths } = await documentOf(t, app => {
        app.get('/', { config: { errors: { 404: 'No such item.' } } }, handler)
      }, { contract: { requestId } })
      t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE', name])
      t.match(components.headers[name], { description: /id of the request/, schema: { type: 'string' } })
      const headers = { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' }, [name]: { $ref: `#/components/headers/${name}` } }
      t.strictSame(paths['/'].get.responses[404].headers, headers)
      t.strictSame(components.responses[500].headers, headers)
      t.notOk('headers' in paths['/'].get.responses[200])
    }
  })

  t.test('no header field of the option requestId that the document describes itself', async t => {
    const field = { description: 'Our id', schema: { type: 'string' } }
    const { components } = await documentOf(t, addErrors(500), { contract: { requestId: true }, document: { components: { headers: { 'x-request-id': field } } } })
    t.strictSame(components.headers['x-request-id'], field)
  })
})

t.test('keeps the given parts of the document', async t => {
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
  t.strictSame(document, before, 'does not change the given object')

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
  t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE', 'Other'])

  const { info: own } = await documentOf(t, () => {})
  t.strictSame(own, { title: 'API', version: '0.0.0', description: contract })
})

t.test('leaves out errors that no operation has, except those of the given document', async t => {
  const { components } = await documentOf(t, () => {})
  t.strictSame(components.responses, {})

  const document = {
    components: { responses: { Other: { description: 'Another' } } },
    paths: { '/own': { get: { responses: { 404: { $ref: '#/components/responses/404' } } } } }
  }
  const own = await documentOf(t, () => {}, { document })
  t.strictSame(Object.keys(own.components.responses), ['404', 'Other'], 'keeps an error to which an operation of the given document refers')
})

t.test('keeps the header field and the errors of the given document', async t => {
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

t.test('does not change the paths of the given document', async t => {
  const document = { paths: { '/own': { summary: 'Mine', get: { operationId: 'getA', responses: { 200: { description: 'Fine' }, 201: { description: 'New' } } } } } }
  const before = structuredClone(document)
  const { paths } = await documentOf(t, app => { app.get('/a', handler) }, { document })
  t.strictSame(document, before)
  t.strictSame(paths['/own'], before.paths['/own'])
  t.equal(paths['/a'].get.operationId, 'getA2')
})
