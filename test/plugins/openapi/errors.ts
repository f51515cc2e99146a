import { Type } from '@sinclair/typebox'
import t from 'tap'
import { documentOf, errorsOf, handler, Item, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

const headers = { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }

t.test('ends the description of an error with a full stop', async t => {
  const described: Record<string, string> = {
    'No topic has this id': 'No topic has this id.',
    'Who? ': 'Who?',
    'The "name" is taken (see `/names`)': 'The "name" is taken (see `/names`).',
    'It said "no."': 'It said "no."',
    '**Taken!**': '**Taken!**',
    '没有这个。': '没有这个。'
  }
  const { paths } = await documentOf(t, app => {
    for (const [index, meaning] of Object.keys(described).entries()) app.get(`/${index}`, { config: { errors: { 422: meaning, 503: meaning } } }, handler)
  })
  for (const [index, sentence] of Object.values(described).entries()) {
    const { responses } = paths[`/${index}`].get
    t.equal(responses[422].description, `${sentence} ${NO_BODY}`)
    t.equal(responses[503].description, `${sentence} ${UNKNOWN_STATUS} ${NO_BODY}`)
  }
})

t.test('keeps lists and tables in the description of an error', async t => {
  const list = 'One of:\n\n- taken\n- too long'
  const { paths } = await documentOf(t, app => { app.get('/', { config: { errors: { 422: list, 500: list } } }, handler) })
  t.equal(paths['/'].get.responses[422].description, `${list}\n\n${NO_BODY}`)
  t.equal(paths['/'].get.responses[500].description, `${list}\n\n${UNKNOWN_STATUS}\n\n${NO_BODY}`)
})

t.test('takes the description of an error from its schema', async t => {
  const { paths } = await documentOf(t, app => {
    const response = {
      200: Item,
      404: Type.Null({ description: 'No topic has this id' }),
      422: Type.Null({ description: 'Not this one' }),
      409: Type.Null({ description: 'It was changed' })
    }
    app.get('/', { config: { errors: { 422: 'The name is taken' } }, schema: { response } }, handler)
  })
  const { 200: _, ...errors } = paths['/'].get.responses
  t.strictSame(errors, {
    400: { description: `It was changed. ${NO_BODY}`, headers },
    404: { description: `No topic has this id. ${NO_BODY}`, headers },
    422: { description: `The name is taken. ${NO_BODY}`, headers },
    500: { $ref: '#/components/responses/500' },
    503: { $ref: '#/components/responses/503' }
  }, 'config.errors takes precedence, and 409 is sent as 400')
})

t.test('keeps the header fields and the links of an error', async t => {
  const links = { next: { operationId: 'getNext' } }
  const { paths } = await documentOf(t, app => {
    const response = { 200: Item, 404: { ...Type.Null(), headers: { 'X-Hint': { type: 'string', description: 'A hint' } } }, 422: Type.Null() }
    app.get('/', { schema: { response }, links: { 422: links } } as object, handler)
    app.get('/next', { schema: { operationId: 'getNext' } as object }, handler)
  })
  const { 404: notFound, 422: unprocessable } = paths['/'].get.responses
  t.strictSame(notFound.headers, { ...headers, 'X-Hint': { description: 'A hint', schema: { type: 'string' } } })
  t.match(notFound.description, /^There is no such resource\. /)
  t.strictSame(unprocessable.links, links)
  t.strictSame(unprocessable.headers, headers)
})

t.test('describes ranges of status codes, with the header field', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/', { schema: { response: { 200: Item, '4xx': Type.Null(), '5XX': Type.Null(), default: Type.Null() } } }, handler)
    app.get('/own', { schema: { response: { '4XX': Type.Null({ description: 'You did it' }), '5xx': Type.Null({ description: 'We did it' }), default: Type.Null({ description: 'Who did it?' }) } } }, handler)
  })
  const IF_UNKNOWN = 'With a 5xx, the execution status is unknown: the operation may have succeeded.'
  t.match(paths['/'].get.responses, {
    '4XX': { description: `Another client error. ${NO_BODY}`, headers },
    '5XX': { description: `Another server error. ${UNKNOWN_STATUS} ${NO_BODY}`, headers },
    default: { description: `Another unsuccessful response. ${IF_UNKNOWN} ${NO_BODY}`, headers }
  })
  t.match(paths['/own'].get.responses, {
    '4XX': { description: `You did it. ${NO_BODY}`, headers },
    '5XX': { description: `We did it. ${UNKNOWN_STATUS} ${NO_BODY}`, headers },
    default: { description: `Who did it? ${IF_UNKNOWN} ${NO_BODY}`, headers }
  })
  t.strictSame(errorsOf(paths['/'].get), [500, 503])
})

t.test('names the credentials in the description of 401', async t => {
  const securitySchemes = {
    basic: { type: 'http', scheme: 'Basic' },
    bearer: { type: 'http', scheme: 'bearer' },
    digest: { type: 'http', scheme: 'digest' },
    hmac: { type: 'apiKey', in: 'header', name: 'authorization' },
    signed: { type: 'apiKey', in: 'header', name: 'Signature' },
    field: { type: 'apiKey', in: 'header', name: 'X-Key' },
    query: { type: 'apiKey', in: 'query', name: 'key' },
    cookie: { type: 'apiKey', in: 'cookie', name: 'session' },
    oauth: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: 'https://example.com', scopes: {} } } },
    openId: { type: 'openIdConnect', openIdConnectUrl: 'https://example.com' },
    certificate: { type: 'mutualTLS' }
  }
  const expected: Array<[security: Array<Record<string, string[]>>, meaning: string]> = [
    [[{ bearer: [] }], 'The request is not authenticated. It needs a Bearer token.'],
    [[{ basic: [] }], 'The request is not authenticated. It needs a user name and a password (Basic).'],
    [[{ digest: [] }], 'The request is not authenticated. It needs credentials of the scheme digest.'],
    [[{ hmac: [] }], 'The request was not constructed and signed correctly using HMAC.'],
    [[{ hmac: ['a'] }], 'The request was not constructed and signed correctly using HMAC.'],
    [[{ signed: ['a'] }, { signed: ['b'] }], 'The request was not constructed and signed correctly using HMAC.'],
    [[{ field: [] }], 'The request is not authenticated. It needs an API key in the header field `X-Key`.'],
    [[{ query: [] }], 'The request is not authenticated. It needs an API key in the query parameter `key`.'],
    [[{ cookie: [] }], 'The request is not authenticated. It needs an API key in the cookie `session`.'],
    [[{ oauth: [] }], 'The request is not authenticated. It needs an OAuth 2.0 access token.'],
    [[{ openId: [] }], 'The request is not authenticated. It needs an OpenID Connect token.'],
    [[{ certificate: [] }], 'The request is not authenticated. It needs a client certificate.'],
    [[{ bearer: [], certificate: [] }, { hmac: [] }], 'The request is not authenticated. It needs a Bearer token and a client certificate, or a signature (HMAC).'],
    [[{ basic: [] }, {}], 'The request is not authenticated. It needs a user name and a password (Basic).']
  ]
  const { components, paths } = await documentOf(t, app => {
    for (const [index, [security]] of expected.entries()) app.get(`/${index}`, { schema: { security } }, handler)
    app.get('/none', { schema: { security: [], response: { 401: Type.Null() } } }, handler)
    app.get('/declared', { schema: { security: [{ bearer: [] }] }, config: { errors: { 401: 'The token has expired' } } }, handler)
  }, { document: { components: { securitySchemes } } })

  t.equal(components.responses[401].description, `${expected[3]![1]} ${NO_BODY}`, 'uses the most frequent description for the component')
  for (const [index, [security, meaning]] of expected.entries()) {
    const { 401: unauthorized } = paths[`/${index}`].get.responses
    const { description } = unauthorized.$ref === undefined ? unauthorized : components.responses[401]
    t.equal(description, `${meaning} ${NO_BODY}`, JSON.stringify(security))
  }
  t.strictSame(paths['/3'].get.responses[401], { $ref: '#/components/responses/401' })
  t.equal(paths['/declared'].get.responses[401].description, `The token has expired. ${NO_BODY}`)
})
