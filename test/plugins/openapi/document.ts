import t from 'tap'
import { STATUS_CODES } from '../../../lib/status-codes.js'
import { documentOf, handler, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

t.test('adds to the components', async t => {
  t.test('the header, and each error of the table', async t => {
    const { openapi, components, paths } = await documentOf(t, () => {})
    t.equal(openapi, '3.1.0')
    t.strictSame(paths, {})
    t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE'])
    const { description, required, schema } = components.headers['EB-REASON-PHRASE']
    t.match(description, /message of an unsuccessful response/)
    t.equal(required, true)
    t.match(schema, { type: 'string', maxLength: 512 })
    const pattern = new RegExp(schema.pattern, 'u')
    for (const text of ['a', ' ~', 'x'.repeat(512)]) t.match(text, pattern)
    for (const text of ['ü', 'a\n', '\t', '\x7f', 'a\0b']) t.notMatch(text, pattern)

    t.strictSame(Object.keys(components.responses), Object.keys(STATUS_CODES))
    for (const [statusCode, { meaning }] of Object.entries(STATUS_CODES)) {
      t.strictSame(components.responses[statusCode], {
        description: Number(statusCode) < 500 ? `${meaning} ${NO_BODY}` : `${meaning} ${UNKNOWN_STATUS} ${NO_BODY}`,
        headers: { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
      }, statusCode)
    }
  })

  t.test('the errors and the name of the header of the options', async t => {
    const contract = { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests', 504: 'Gateway Timeout' } }
    const { info, components, paths } = await documentOf(t, app => {
      app.get('/', { config: { errors: { 429: 'Wait.' } } }, handler)
    }, { contract })
    t.strictSame(Object.keys(components.headers), ['X-Reason'])
    t.match(info.description, /`X-Reason` header/)
    const headers = { 'X-Reason': { $ref: '#/components/headers/X-Reason' } }
    t.strictSame(Object.keys(components.responses), [...Object.keys(STATUS_CODES), '429', '504'].sort())
    t.strictSame(components.responses[429], { description: `Too Many Requests. ${NO_BODY}`, headers })
    t.strictSame(components.responses[504], { description: `Gateway Timeout. ${UNKNOWN_STATUS} ${NO_BODY}`, headers })
    t.strictSame(paths['/'].get.responses[429], { description: `Wait. ${NO_BODY}`, headers })
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
