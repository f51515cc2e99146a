import type { FastifyInstance } from 'fastify'
import mercurius from 'mercurius'
import t, { type Test } from 'tap'
import { testWithPlugin, assertError, type RunningService, type TestRequest } from '../fixtures/test-with-plugin.js'
import { exchange } from '../fixtures/wire.js'

const schema = 'type Query { sum (a: Int!, b: Int!): Int!, broken: Int, denied: Int!, taken: Int! }'

const resolvers = {
  Query: {
    sum: async (_: unknown, { a, b }: { a: number, b: number }) => a + b,
    broken: async () => { throw new Error('It is broken') },
    denied: async () => { throw new mercurius.ErrorWithProps('It is not for you', { code: 'DENIED' }, 403) },
    taken: async () => { throw new mercurius.ErrorWithProps('It is taken', { code: 'TAKEN' }, 409) }
  }
}

const plugin = (app: FastifyInstance) => app.register(mercurius, { schema, resolvers, graphiql: true })

const post = (body: string): TestRequest => ({ method: 'POST', url: '/graphql', headers: { 'content-type': 'application/json' }, body })

const query = (text: string): TestRequest => post(JSON.stringify({ query: text }))

async function assertSuccesses (t: Test, { request }: RunningService): Promise<void> {
  t.strictSame(JSON.parse((await request(query('{ sum(a: 1, b: 2) }'))).body), { data: { sum: 3 } })
  t.match(await request('/graphiql'), { statusCode: 200, body: /^<!DOCTYPE html>/ })

  const partial = await request(query('{ broken }'))
  t.equal(partial.statusCode, 200)
  t.match(JSON.parse(partial.body), { data: { broken: null }, errors: [{ message: 'It is broken', path: ['broken'] }] })

  // With several errors, mercurius sets no status code.
  const several = await request(query('{ none, other }'))
  t.equal(several.statusCode, 200)
  t.match(JSON.parse(several.body), { data: null, errors: [{ message: 'Cannot query field "none" on type "Query".' }, { message: 'Cannot query field "other" on type "Query".' }] })
}

t.test('mercurius: sends the message of a GraphQL error as the reason', async t => {
  testWithPlugin(t, { plugin, routes: () => {} }, async (t, given) => {
    await assertSuccesses(t, given)

    const { request } = given
    assertError(t, await request(query('{ none }')), 400, 'Cannot query field "none" on type "Query".')
    assertError(t, await request(query('{ sum(')), 400, 'Syntax Error: Expected Name, found <EOF>.')
    assertError(t, await request(query('{ denied }')), 403, 'It is not for you')
    assertError(t, await request(query('{ taken }')), 400, 'It is taken')
    assertError(t, await request('/graphql?query={none}'), 400, 'Cannot query field "none" on type "Query".')
    assertError(t, await request(post('{}')), 400, 'Unknown query')
    assertError(t, await request(post('{')), 400, 'Body is not valid JSON but content-type is set to \'application/json\'')
    assertError(t, await request('/other'), 404, 'Route GET:/other not found')
  })
})

const exempt = (app: FastifyInstance) => {
  app.addHook('onRoute', route => {
    if (route.url === '/graphql') route.config = { ...route.config, reasonPhrase: false } as object
  })
}

/** Sends a request without checking that the response keeps the contract. */
async function sendUnchecked ({ app, port }: RunningService, { url, method, headers, body }: TestRequest) {
  if (port === undefined) {
    const response = await app.inject({ method, url, headers, payload: body })
    return { statusCode: response.statusCode, phrase: response.statusMessage, fields: Object.keys(response.headers), body: response.body }
  }
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body!) }).map(([name, value]) => `${name}: ${value}\r\n`)
  const response = await exchange(port, `${method} ${url} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n${body}`)
  return { ...response, fields: response.lines.map(([name]) => name.toLowerCase()) }
}

async function assertGraphqlErrors (t: Test, given: RunningService): Promise<void> {
  await assertSuccesses(t, given)

  for (const [text, statusCode, phrase, error] of [
    ['{ none }', 400, 'Bad Request', { message: 'Cannot query field "none" on type "Query".', locations: [{ line: 1, column: 3 }] }],
    ['{ denied }', 403, 'Forbidden', { message: 'It is not for you', path: ['denied'], extensions: { code: 'DENIED' } }],
    ['{ taken }', 409, 'Conflict', { message: 'It is taken', path: ['taken'], extensions: { code: 'TAKEN' } }]
  ] as const) {
    const { fields, body, ...answer } = await sendUnchecked(given, query(text))
    t.match(answer, { statusCode, phrase })
    t.match(JSON.parse(body), { data: null, errors: [error] })
    t.ok(fields.includes('content-type'))
    t.notOk(fields.includes('eb-reason-phrase'))
  }
  assertError(t, await given.request('/other'), 404, 'Route GET:/other not found')
}

t.test('mercurius: sends GraphQL errors in the body on an exempt route, registered after fastify-reason-phrase', async t => {
  testWithPlugin(t, { plugin: exempt, routes: plugin, orders: ['before'] }, assertGraphqlErrors)
})

t.test('mercurius: sends GraphQL errors in the body on an exempt route, registered before fastify-reason-phrase', async t => {
  testWithPlugin(t, { plugin: async app => { exempt(app); await plugin(app) }, routes: () => {}, orders: ['before'] }, assertGraphqlErrors)
})
