// The sections of the benchmark. A section has servers, works that each server does, and the ratios to report.
import { randomUUID } from 'node:crypto'
import { sign } from '../test/fixtures/sign.ts'
import { launchServers, launchSigners, launchStarts } from './launches.js'
import idempotencyServers, { DATABASES, keyedName, NO_DATABASE, plainName, redisName } from './servers/idempotency.js'
import plainServers, { FASTIFY, FLOOR, FULL, OTHERS, REGISTERED } from './servers/plain.js'
import serviceServers, { BY_HAND, POSTGRESQL, POSTGRESQL_BY_HAND, SQLITE, SQLITE_BY_HAND } from './servers/service.js'
import signedServers, { DIGEST, KEY, REPLAY, UNSIGNED, VERIFIED } from './servers/signed.js'

const get = (path, headers) => () => ({ method: 'GET', path, headers })

const plain = {
  id: 'plain',
  title: 'Plain requests',
  unit: 'µs of CPU for a request',
  launches: 5,
  launch: launchServers,
  servers: Object.keys(plainServers),
  works: [
    { id: 'plain-success', title: '200, 100 bytes', status: 200, request: get('/success') },
    { id: 'plain-error', title: '422 by decorator', status: 422, request: get('/error') },
    { id: 'plain-thrown-422', title: 'thrown 422', status: 422, request: get('/thrown/422') },
    { id: 'plain-thrown-500', title: 'thrown 500', status: 500, request: get('/thrown/500') },
    { id: 'plain-no-route', title: '404, no route', status: 404, request: get('/none') }
  ],
  ratios: [
    { work: 'plain-success', of: FULL, to: FASTIFY, target: 1.01 },
    { work: 'plain-success', of: REGISTERED, to: FASTIFY, target: 1.02 },
    { work: 'plain-error', of: FULL, to: FLOOR, target: 1.05 },
    { work: 'plain-error', of: FULL, to: FASTIFY, target: 0.95 },
    { work: 'plain-thrown-422', of: FULL, to: FASTIFY, target: 1 },
    ...OTHERS.map(of => ({ work: 'plain-error', of, to: FASTIFY }))
  ]
}

/** Returns a function that makes a request, with a new signature unless the server verifies none. */
function signed ({ method = 'GET', path = '/signed', type = 'application/octet-stream', body, headers, ...signing } = {}) {
  return server => {
    const signature = [UNSIGNED, DIGEST, ...BY_HAND].includes(server.name) ? {} : sign(method, path, body, { key: KEY, ...signing })
    return { method, path, body, headers: { ...(body !== undefined && { 'content-type': type }), ...headers, ...signature } }
  }
}

const KB = Buffer.alloc(1000, 'x')
const MB = Buffer.alloc(1_000_000, 'x')
const UNKNOWN = { ...KEY, id: 'unknown' }
const WRONG = { ...KEY, secret: 'wrong' }
const verifiers = [VERIFIED, REPLAY]

// The strict serialization of two dictionaries that fill most of the 16 KB that Node allows for the header section. Of 14
// kinds of hostile header sections, it took the longest, apart from kinds that take as long without a signature.
const DICTIONARY = Array.from({ length: 600 }, (_, i) => `k${i}=:AA==:`).join()
const worst = () => ({
  method: 'GET',
  path: '/signed',
  headers: {
    'signature-input': `sig1=("@method" "@path" "@query" "priority";sf "want-repr-digest";sf);created=${Math.floor(Date.now() / 1000)};keyid="unknown"`,
    signature: 'sig1=:AAAA:',
    priority: DICTIONARY,
    'want-repr-digest': DICTIONARY
  }
})

const signedRequests = {
  id: 'signed',
  title: 'Signed requests',
  unit: 'µs of CPU for a request',
  launches: 5,
  launch: launchServers,
  servers: Object.keys(signedServers),
  works: [
    { id: 'signed-get', title: 'GET', status: 200, servers: [UNSIGNED, ...verifiers], request: signed() },
    { id: 'signed-post-1kb', title: 'POST, 1 KB', status: 200, request: signed({ method: 'POST', body: KB }) },
    { id: 'signed-post-1mb', title: 'POST, 1 MB', status: 200, requests: 20, request: signed({ method: 'POST', body: MB }) },
    { id: 'signed-unknown-key', title: '401, unknown key', status: 401, servers: verifiers, request: signed({ key: UNKNOWN }) },
    { id: 'signed-wrong-mac', title: '401, wrong MAC', status: 401, servers: verifiers, request: signed({ key: WRONG }) },
    { id: 'signed-missing', title: '401, not signed', status: 401, servers: verifiers, request: get('/signed') },
    { id: 'signed-worst', title: '401, the worst fields', status: 401, servers: verifiers, request: worst }
  ],
  ratios: [
    { work: 'signed-get', of: VERIFIED, to: UNSIGNED, target: 1.6 },
    { work: 'signed-post-1kb', of: VERIFIED, to: UNSIGNED, target: 1.8 },
    { work: 'signed-post-1mb', of: VERIFIED, to: DIGEST, target: 1.15 },
    { work: 'signed-get', of: REPLAY, to: VERIFIED, target: 1.1 },
    { work: 'signed-unknown-key', of: VERIFIED, to: VERIFIED, toWork: 'signed-get', target: 1.1 },
    { work: 'signed-wrong-mac', of: VERIFIED, to: VERIFIED, toWork: 'signed-get', target: 1.1 },
    { work: 'signed-worst', of: VERIFIED, to: VERIFIED, toWork: 'signed-missing', target: 5 }
  ]
}

const TOPICS = '/v2/topic'
const messagesOf = server => `${TOPICS}/${server.topicId}/message`
const newTopic = () => ({ name: randomUUID(), description: '', mediaType: 'application/json' })
const MESSAGE = { body: { order: 1 } }
const post = (path, value, options) => signed({ method: 'POST', path, type: 'application/json', body: JSON.stringify(value), ...options })

/** Returns the options of a signed `POST` with a new idempotency key, which the signature covers. */
function withKey () {
  const key = randomUUID()
  return {
    headers: { 'idempotency-key': key },
    components: ['"@method"', '"@path"', '"@query"', '"content-digest"', '"idempotency-key"'],
    values: { '"idempotency-key"': key }
  }
}

const service = {
  id: 'service',
  title: 'The example service',
  unit: 'µs of CPU for a request, signed unless by hand',
  launches: 5,
  launch: launchServers,
  // The service is TypeScript.
  execArgv: ['--import', 'tsx'],
  servers: Object.keys(serviceServers),
  works: [
    { id: 'service-201', title: '201 for a topic', status: 201, targets: { [SQLITE]: 250, [POSTGRESQL]: 200 }, request: server => post(TOPICS, newTopic())(server) },
    { id: 'service-202', title: '202 for a message', status: 202, targets: { [SQLITE]: 180, [POSTGRESQL]: 200 }, request: server => post(messagesOf(server), MESSAGE)(server) },
    { id: 'service-202-keyed', title: '202 for a message, with a key', status: 202, servers: [SQLITE, POSTGRESQL], request: server => post(messagesOf(server), MESSAGE, withKey())(server) }
  ].map(work => ({ ...work, requests: 200, hasRate: true })),
  ratios: [
    ...[[SQLITE, SQLITE_BY_HAND], [POSTGRESQL, POSTGRESQL_BY_HAND]]
      .flatMap(([of, to]) => ['service-201', 'service-202'].map(work => ({ work, of, to }))),
    ...[SQLITE, POSTGRESQL].map(server => ({ measure: 'rate', work: 'service-202-keyed', of: server, to: server, toWork: 'service-202', target: 0.7 }))
  ]
}

const ORDER = JSON.stringify({ product: 'EBT-0192f0c4a3b07d3e8c1d5a6f7e8b9c0d', quantity: 7 })
const order = (path, headers) => ({ method: 'POST', path, body: ORDER, headers: { 'content-type': 'application/json', ...headers } })
const orderWithKey = key => order('/order', { 'idempotency-key': key })

const idempotency = {
  id: 'idempotency',
  title: 'Idempotent requests',
  unit: 'µs of CPU for a request',
  launches: 5,
  launch: launchServers,
  servers: Object.keys(idempotencyServers),
  works: [
    ...[
      { id: 'idempotency-insert', title: 'insert', servers: DATABASES.flatMap(name => [plainName(name), keyedName(name), redisName(name)]), request: () => orderWithKey(randomUUID()) },
      // The first slice, which is not measured, executes each key.
      { id: 'idempotency-replay', title: 'replay', servers: DATABASES.map(keyedName), request: (_server, i) => orderWithKey(`replayed-${i}`) }
    ].map(work => ({ ...work, status: 201, requests: 200, hasRate: true })),
    { id: 'idempotency-optional', title: 'no key, `optional` route', status: 200, servers: [NO_DATABASE], request: () => order('/optional') },
    { id: 'idempotency-without', title: 'no key, route without the option', status: 200, servers: [NO_DATABASE], request: () => order('/without') }
  ],
  ratios: [
    ...DATABASES.flatMap(name => [
      { work: 'idempotency-insert', of: keyedName(name), to: plainName(name), target: 1.4 },
      { work: 'idempotency-replay', of: keyedName(name), to: keyedName(name), toWork: 'idempotency-insert', target: 0.6 },
      { work: 'idempotency-insert', of: keyedName(name), to: redisName(name), target: 0.9 }
    ]),
    { work: 'idempotency-optional', of: NO_DATABASE, to: NO_DATABASE, toWork: 'idempotency-without', target: 1.02 }
  ]
}

const start = {
  id: 'start',
  title: 'The start',
  unit: 'ms of CPU from `Fastify()` to the end of `app.ready()`',
  launches: 10,
  launch: launchStarts,
  servers: ['this plugin', 'Fastify'],
  works: [{ id: 'start-10000', title: '10,000 routes', routes: 10_000 }],
  ratios: [{ work: 'start-10000', of: 'this plugin', to: 'Fastify', target: 1.03 }]
}

const SUBTLE = '`crypto.subtle.sign`'
const FIELDS = 'the header fields'
const COPY = '`signer()`, which copies the request'

const clientSigner = {
  id: 'signer',
  title: 'The signer of the client',
  unit: 'µs of CPU for a signature',
  launches: 5,
  launch: launchSigners,
  servers: [SUBTLE, FIELDS, COPY],
  works: [
    { id: 'signer-get', title: 'sign GET' },
    { id: 'signer-post-1kb', title: 'sign POST, 1 KB' }
  ],
  ratios: ['signer-get', 'signer-post-1kb'].flatMap(work => [
    { work, of: FIELDS, to: SUBTLE, target: 1.5 },
    { work, of: COPY, to: SUBTLE }
  ])
}

export const sections = [plain, signedRequests, service, idempotency, start, clientSigner]
