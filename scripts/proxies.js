// Asks a service directly and through each proxy, prints what became of its
// answers, and fails where one breaks the contract, or where docs/proxies.md
// says otherwise. Run by scripts/proxies.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../client/index.ts'
import { assertContract } from '../conformance/assert-contract.ts'
import { connect, valuesOf } from '../test/fixtures/wire.ts'
import { BODY_LIMIT, METHODS, startService } from './proxy-service.js'
import { NAMES, programOf, startProxy, stopAll } from './proxy-start.js'

const PROTOCOLS = ['HTTP/1.1', 'HTTP/2']

const [work] = process.argv.slice(2)
const docs = readFileSync(new URL('../docs/proxies.md', import.meta.url), 'utf8')

// How long an answer may take, in milliseconds.
const PATIENCE = 15_000

const ANSWERS = [
  { method: 'GET', path: '/topic' },
  { method: 'HEAD', path: '/topic' },
  { method: 'GET', path: '/topic/none' },
  { method: 'HEAD', path: '/topic/none' },
  // The reason quotes the URL as it came.
  { method: 'GET', path: '/none/a%2Fb//c?d=%7e+e' },
  { method: 'POST', path: '/topic', body: '{"name":"orders"}' },
  // Answered while the body still comes.
  { method: 'POST', path: '/topic', body: JSON.stringify('a'.repeat(BODY_LIMIT * 30)) },
  { method: 'GET', path: '/away' },
  { method: 'HEAD', path: '/away' }
]

const COLUMNS = ['status', 'reason phrase', 'header', 'retry-after', 'body', 'content-length', 'contract']

const MISSING = { method: 'GET', path: '/topic/none' }
const DOWN = { method: 'GET', path: '/down' }

// How many errors follow each other on one connection.
const MANY = 5

const HOST = 'Host: localhost\r\n'
const KILOBYTES_40 = 'a'.repeat(40_000)
// More than any proxy keeps before it sends a body on.
const LARGE = 'a'.repeat(0x40000)

function streamed (field, body) {
  return `POST /stream HTTP/1.1\r\n${HOST}Content-Type: application/octet-stream\r\n${field}\r\n\r\n${body}`
}

// Ends what is sent, and still reads.
const END = Symbol('end')

const BAD_CHUNK = [streamed('Transfer-Encoding: chunked', `40000\r\n${LARGE}\r\n`), 'no chunk\r\n']
const NO_RANGE = [streamed('Content-Length: 3\r\nRange: bytes=1000-', 'abc')]

/**
 * What a proxy answers itself, or passes on: the bytes of each request over
 * HTTP/1.1, or their two parts.
 */
const REQUESTS = {
  'a NUL in the method': ['G\0T / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  'a URI of 40 KB': [`GET /${KILOBYTES_40} HTTP/1.1\r\n${HOST}\r\n`],
  'a field of 40 KB': [`GET /none HTTP/1.1\r\n${HOST}X: ${KILOBYTES_40}\r\n\r\n`],
  '500 fields': [`GET /none HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(500)}\r\n`],
  'a space in the URI': [`GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  'no Host': ['GET /none HTTP/1.1\r\n\r\n'],
  'HTTP/9.9': [`GET /none HTTP/9.9\r\n${HOST}\r\n`],
  CONNECT: [`CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`],
  'Expect: none': [`GET /none HTTP/1.1\r\n${HOST}Expect: none\r\n\r\n`],
  'Transfer-Encoding: none': [streamed('Transfer-Encoding: none', '')],
  'Transfer-Encoding: none, chunked': [streamed('Transfer-Encoding: none, chunked', '0\r\n\r\n')],
  'two lengths': [streamed('Content-Length: 3\r\nContent-Length: 4', 'abcd')],
  'TLS on the port without': [Buffer.from(`16030100c8010000c40303${'00'.repeat(190)}`, 'hex')],
  'a head that stops': ['GET /none HTTP/1.1\r\nHost: l'],
  'a body that stops': [streamed('Content-Length: 300000', LARGE)],
  'a body that ends early': [streamed('Content-Length: 300000', LARGE), END],
  'a bad chunk': BAD_CHUNK,
  'a range that is not there': NO_RANGE
}

/** The fields of each request over HTTP/2. A POST sends the start of a body, and does not end it. */
const STREAMS = {
  'a URI of 40 KB': { ':path': `/${KILOBYTES_40}` },
  'a field of 40 KB': { ':path': '/none', x: KILOBYTES_40 },
  '500 fields': { ':path': '/none', ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, 'a'])) },
  'Expect: none': { ':path': '/none', expect: 'none' },
  'a body that stops': { ':path': '/stream', ':method': 'POST', 'content-type': 'application/octet-stream', 'content-length': 10 }
}

/** How a proxy is told of a second server. nginx would not ask a server that failed for 10 s. */
const SECOND_SERVER = {
  nginx: port => [['  server 127.0.0.1:3000;', `  server 127.0.0.1:3000 max_fails=0;\n  server 127.0.0.1:${port} max_fails=0;`]],
  haproxy: port => [['  server service 127.0.0.1:3000', `  server service 127.0.0.1:3000\n  server other 127.0.0.1:${port}`]],
  httpd: port => [['ProxyPass / http://127.0.0.1:3000/ nocanon', `<Proxy balancer://service>
  BalancerMember http://127.0.0.1:3000
  BalancerMember http://127.0.0.1:${port}
</Proxy>
ProxyPass / balancer://service/ nocanon`]],
  varnish: port => [
    ['vcl 4.1;', 'vcl 4.1;\nimport directors;'],
    ['sub vcl_backend_fetch {', `backend other {
  .host = "127.0.0.1";
  .port = "${port}";
}
sub vcl_init {
  new servers = directors.round_robin();
  servers.add_backend(service);
  servers.add_backend(other);
}
sub vcl_recv {
  set req.backend_hint = servers.backend();
}
sub vcl_backend_fetch {`]
  ]
}

const WITHOUT_RESPONSE = [/sub vcl_backend_response \{[^]*?\n\}\n/g, '']
const WITHOUT_NEXT_UPSTREAM = [/^ *proxy_next_upstream off;/gm, '']
const WITHOUT_LOCATION = [/^<Location \/>[^]*?^<\/Location>$/gm, '']
const H2C = ['http://127.0.0.1:3000/', 'h2c://127.0.0.1:3000/']
const UNBUFFERED = 'proxy_read_timeout 60s;\n    proxy_request_buffering off;'

// Each is other in one thing than docs/proxies, and asked what shows it.
const VARIANTS = {
  nginx: [
    { name: 'without `error_page`', edits: [[/^ *error_page .*/gm, '']], shows: showDown },
    { name: '`proxy_intercept_errors on`', edits: [['proxy_intercept_errors off', 'proxy_intercept_errors on']], shows: showAnswer(MISSING) },
    { name: 'without `proxy_next_upstream off`', edits: [WITHOUT_NEXT_UPSTREAM], shows: showLost('HTTP/1.1', 'DELETE') },
    { name: '`proxy_request_buffering off`', edits: [['proxy_read_timeout 60s;', UNBUFFERED]], shows: showOwn(BAD_CHUNK) },
    { name: 'the same, and `error_page` within `location /`', edits: [['proxy_read_timeout 60s;', `${UNBUFFERED}\n    error_page 400 408 413 500 502 503 504 =503 /.away;`]], shows: showOwn(BAD_CHUNK) }
  ],
  haproxy: [
    { name: 'without `http-error`', edits: [[/^ *http-(error|after-response) .*/gm, '']], shows: showDown },
    { name: 'without the hop', edits: [['default_backend to-hop', 'default_backend service']], shows: showLost('HTTP/2', 'POST') },
    { name: 'without `txn.sent`', edits: [[/^ *http-request set-var\(txn.sent\).*/gm, '']], shows: showOwn(BAD_CHUNK) },
    { name: 'HTTP/2 to the service (`proto h2`)', http2: true, edits: [['service 127.0.0.1:3000', 'service 127.0.0.1:3000 proto h2']], shows: showAnswer(MISSING) }
  ],
  httpd: [
    { name: 'without `ErrorDocument`', edits: [[/^ErrorDocument .*/gm, '']], shows: showDown },
    { name: '`ProxyErrorOverride On`', edits: [['ProxyErrorOverride Off', 'ProxyErrorOverride On']], shows: showAnswer(MISSING) },
    { name: '`KeepAlive Off`', edits: [['Protocols h2', 'KeepAlive Off\nProtocols h2']], shows: showLost('HTTP/1.1', 'POST') },
    { name: 'without `<Location />`', edits: [WITHOUT_LOCATION], shows: showOwn(BAD_CHUNK) },
    { name: 'the same', edits: [WITHOUT_LOCATION], shows: showOwn(NO_RANGE) },
    { name: 'HTTP/2 to the service (`h2c://`)', http2: true, edits: [H2C], shows: showAnswer(MISSING) },
    { name: 'the same', http2: true, edits: [H2C], shows: showLost('HTTP/1.1', 'DELETE') }
  ],
  varnish: [
    { name: 'without `vcl_backend_response`', edits: [WITHOUT_RESPONSE], shows: showKept },
    { name: 'the same, and `cache-control: no-store` from the service', edits: [WITHOUT_RESPONSE], noStore: true, shows: showKept },
    { name: 'without `vcl_backend_fetch`', edits: [[/sub vcl_backend_fetch \{[^]*?\n\}\n/g, '']], shows: showLost('HTTP/1.1', 'DELETE') },
    { name: 'without `vcl_deliver`', edits: [[/sub vcl_deliver \{[^]*?\n\}\n/g, '']], shows: showOwn(NO_RANGE) },
    { name: 'without `vcl_backend_error`', edits: [[/sub vcl_backend_error \{[^]*?\n\}\n/g, '']], shows: showDown }
  ]
}

/** Asks a service, or a proxy, over either protocol; several questions on one connection. */
async function askAll (protocol, { port, url }, questions) {
  return protocol === 'HTTP/2' ? await overHttp2(url, questions) : await overHttp1(port, questions.map(bytesOf), questions)
}

async function ask (protocol, server, question) {
  return (await askAll(protocol, server, [question]))[0]
}

function bytesOf ({ method, path, body }) {
  const fields = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n${body ?? ''}`
}

async function overHttp1 (port, requests, questions) {
  const connection = connect(port)
  const answers = []
  let before = 0
  try {
    for (const [i, { method }] of questions.entries()) {
      connection.write(requests[i])
      const head = questions.map(({ method }) => method === 'HEAD')
      const response = (await inTime(connection.responses(i + 1, { head })))[i]
      const { statusCode, phrase, lines, body } = response
      const headers = Object.fromEntries(lines.map(([name]) => [name.toLowerCase(), valuesOf(response, name.toLowerCase()).join(', ')]))
      answers.push({ statusCode, phrase, headers, body, broken: await broken(connection.received().slice(before), statusCode, method) })
      before = connection.received().length
    }
  } finally {
    connection.destroy()
  }
  return answers
}

async function overHttp2 (url, questions) {
  const session = http2.connect(url, { rejectUnauthorized: false })
  // What ends a session ends its streams, which are listened to.
  session.on('error', () => {})
  const answers = []
  try {
    for (const { method, path, body } of questions) {
      const fields = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }
      const stream = session.request({ ':method': method, ':path': path, ...fields }, { endStream: body === undefined })
      const answer = receive(stream, method)
      if (body !== undefined) stream.end(body)
      answers.push(await inTime(answer))
    }
  } finally {
    session.destroy()
  }
  return answers
}

/** The answer on a stream of HTTP/2. */
async function receive (stream, method) {
  const chunks = []
  stream.on('data', chunk => chunks.push(chunk))
  const ended = once(stream, 'end')
  ended.catch(() => {})
  const [{ ':status': statusCode, ...headers }] = await once(stream, 'response')
  await ended
  const received = Buffer.concat(chunks)
  const response = { statusCode, headers, trailers: {}, body: { arrayBuffer: async () => received } }
  return { statusCode, headers, body: received.toString('latin1'), broken: await broken(response, statusCode, method) }
}

/** The rules that an unsuccessful answer breaks. */
async function broken (response, statusCode, method) {
  if (statusCode < 400) return []
  try {
    await assertContract(response, { method })
    return []
  } catch (error) {
    if (error.operator !== 'assertContract') throw error
    return error.actual
  }
}

/**
 * Sends the parts of a request on a connection of its own, the second when
 * `isReady`; undefined if it is closed without an answer.
 */
async function answerTo (port, [first, second], isReady) {
  const connection = connect(port)
  try {
    connection.write(first)
    // Rejects where the connection is reset.
    const over = Promise.race([connection.responses(1), connection.closed()]).catch(() => {})
    if (second !== undefined) {
      const deadline = Date.now() + PATIENCE
      while (!isReady() && Date.now() < deadline) await sleep(10)
      if (second === END) connection.socket.end()
      else connection.write(second)
    }
    await inTime(over)
    const received = connection.received()
    if (received === '') return undefined
    // What has no length ends with the connection.
    const [{ statusCode, phrase, body }] = await inTime(connection.responses(1))
    return { statusCode, phrase, body, headers: {}, broken: await broken(received, statusCode, 'GET') }
  } finally {
    connection.destroy()
  }
}

/** Sends a request on a session of its own; a string if the stream or the session is closed without an answer. */
async function answerToStream (url, fields) {
  const session = http2.connect(url, { rejectUnauthorized: false })
  const failed = once(session, 'error').then(([error]) => { throw error })
  failed.catch(() => {})
  try {
    const isPost = fields[':method'] === 'POST'
    const stream = session.request(fields, { endStream: !isPost })
    stream.on('error', () => {})
    if (isPost) stream.write('abc')
    return await inTime(Promise.race([receive(stream, fields[':method']), failed]))
  } catch (error) {
    return lossOf(error)
  } finally {
    session.destroy()
  }
}

/** How a connection or a stream was lost. */
function lossOf ({ code, message }) {
  const [, reset] = /NGHTTP2_(\w+)/.exec(message) ?? []
  if (reset !== undefined) return `reset: ${reset}`
  return code === 'ERR_HTTP2_SESSION_ERROR' ? 'the connection is closed' : code
}

/** A fetch over HTTP/2, on one connection. */
function fetchOver (session) {
  return async request => {
    const fields = { ':method': request.method, ':path': new URL(request.url).pathname, ...Object.fromEntries(request.headers) }
    const body = Buffer.from(await request.arrayBuffer())
    const stream = session.request(fields, { endStream: body.length === 0 })
    const answer = receive(stream, request.method)
    if (body.length > 0) stream.end(body)
    const { statusCode, headers } = await inTime(answer)
    return new Response(null, { status: statusCode, headers: Object.entries(headers) })
  }
}

async function inTime (promise) {
  let timer
  const late = new Promise((resolve, reject) => { timer = setTimeout(reject, PATIENCE, new Error('no answer in time')) })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What became of an answer, beside that of the service itself. */
function compare (direct, proxied) {
  const field = name => change(direct.headers[name], proxied.headers[name])
  return {
    status: change(direct.statusCode, proxied.statusCode),
    'reason phrase': phraseOf(direct, proxied),
    header: field('eb-reason-phrase'),
    'retry-after': field('retry-after'),
    body: change(direct.body, proxied.body),
    'content-length': field('content-length'),
    contract: contractOf(proxied)
  }
}

function change (before, after) {
  if (before === after) return 'kept'
  if (after === undefined || after === '') return 'lost'
  return before === undefined ? `added, ${after}` : `now ${after}`
}

function phraseOf (direct, { phrase, statusCode }) {
  if (phrase === undefined) return 'none in HTTP/2'
  return phrase !== direct.phrase && phrase === STATUS_CODES[statusCode] ? 'the standard one' : change(direct.phrase, phrase)
}

function contractOf ({ broken }) {
  return broken.length === 0 ? 'kept' : `broken: ${broken.join(', ')}`
}

/** What a proxy answered itself. */
function own (answer) {
  const { statusCode, phrase = '', headers, body } = answer
  const said = [`${statusCode} ${phrase}`.trim()]
  if (headers['retry-after'] !== undefined) said.push(`retry after ${headers['retry-after']}`)
  if (body !== '') said.push('a page')
  return `${said.join(', ')}; contract ${contractOf(answer)}`
}

async function showDown (proxy, service) {
  await service.close()
  return `the service is down: ${own(await ask('HTTP/1.1', proxy, DOWN))}`
}

function showAnswer (question) {
  return async (proxy, service) => {
    const direct = await ask(service.http2 ? 'HTTP/2' : 'HTTP/1.1', service, question)
    const proxied = await ask('HTTP/1.1', proxy, question)
    // HTTP/2 has no phrase: that of HTTP/1.1 is the header's.
    const changes = compare({ phrase: direct.headers['eb-reason-phrase'], ...direct }, proxied)
    const changed = Object.entries(changes).filter(([, change]) => change !== 'kept').map(([name, change]) => `${name} ${change}`)
    return `a 404 of the service: ${changed.join('; ')}`
  }
}

/** What a proxy did with a request whose connection to the service was lost after the work. */
function showLost (protocol, method) {
  return async (proxy, service) => {
    const { runs, answer, outcome } = await lose(protocol, proxy, service.runs, method, 1)
    return `${method} over ${protocol}, lost after the work: ${times(runs.length)}, ${answer}, ${outcome}`
  }
}

function showOwn (request) {
  return async (proxy, { begun }) => {
    const [name] = Object.entries(REQUESTS).find(([, other]) => other === request)
    return `${name}: ${await ownAnswer(proxy, begun, name)}`
  }
}

async function showKept (proxy) {
  return `a 404 is asked for, made, and asked for again: ${await askedAgain('HTTP/1.1', proxy)}`
}

/** Whether a 404 still stands for a resource that is there by now. */
async function askedAgain (protocol, proxy) {
  const answers = []
  for (const method of ['GET', 'PUT', 'GET']) answers.push(await ask(protocol, proxy, { method, path: `/topic/${protocol === 'HTTP/2' ? 'second' : 'first'}` }))
  return answers.map(({ statusCode }) => statusCode).join(', ')
}

let works = 0

/**
 * Asks for work whose connection to the service is lost after it, as our client
 * does; after some other requests on the same connection of the client.
 */
async function lose (protocol, { port, url }, runs, method, others) {
  const id = String(works++)
  const session = protocol === 'HTTP/2' ? http2.connect(url, { rejectUnauthorized: false }) : undefined
  session?.on('error', () => {})
  const client = session === undefined
    ? createClient({ baseUrl: `http://127.0.0.1:${port}`, timeout: PATIENCE })
    : createClient({ baseUrl: url, fetch: fetchOver(session) })
  try {
    for (let i = 0; i < others; i++) {
      const { outcome, cause } = await client('POST', '/ready')
      if (outcome !== 'success') throw new Error(`no answer over ${protocol} before ${method}`, { cause })
    }
    const { outcome, status, cause } = await client(method, `/job/${id}`, /^P/.test(method) ? { body: {} } : {})
    return { runs: runs.get(id) ?? [], outcome, answer: status ?? (session === undefined ? 'closed without an answer' : lossOf(cause)) }
  } finally {
    session?.destroy()
  }
}

function times (runs) {
  return ['never run', 'run once', 'run twice'][runs] ?? `run ${runs} times`
}

/**
 * What a proxy answers to one of {@link REQUESTS}, and whether the handler had
 * begun. The rest of a body follows when it has, unless the proxy first reads all of it.
 */
async function ownAnswer (proxy, begun, name, isWhole = false) {
  const id = name.replace(/\W+/g, '-')
  const parts = REQUESTS[name].map(part => typeof part === 'string' ? part.replace('Content-Type', `X-Request: ${id}\r\nContent-Type`) : part)
  const answer = await answerTo(proxy.port, parts, () => isWhole || begun.has(id))
  return described(answer, begun.has(id))
}

async function ownAnswerToStream (proxy, begun, name) {
  const id = `http-2-${name}`
  const answer = await answerToStream(proxy.url, { ...STREAMS[name], 'x-request': id })
  return described(answer, begun.has(id))
}

function described (answer, hasBegun) {
  const after = hasBegun ? '; the handler had begun' : ''
  if (answer === undefined) return `closed without an answer${after}`
  if (typeof answer === 'string') return answer + after
  if (answer.statusCode < 400) return `${answer.statusCode}${after}`
  return own(answer) + after
}

/** The distinct outcomes of several answers, and the methods of those that are fewer. */
function summary (outcomes) {
  const methods = new Map()
  for (const [outcome, method] of outcomes) methods.set(outcome, (methods.get(outcome) ?? new Set()).add(method))
  const [[most], ...others] = [...methods]
  return [most, ...others.map(([outcome, methods]) => `${outcome} for ${[...methods].join(', ')}`)].join('; ')
}

/** Rows in the order of the proxies, which are tried at the same time. */
function inOrder (rows) {
  return rows.toSorted(([one], [other]) => NAMES.indexOf(one) - NAMES.indexOf(other))
}

/** One row for those that differ in their last cell alone. */
function joined (rows) {
  const last = new Map()
  for (const row of rows) {
    const key = JSON.stringify(row.slice(0, -1))
    last.set(key, (last.get(key) ?? new Set()).add(row.at(-1)))
  }
  return Array.from(last, ([key, cells]) => [...JSON.parse(key), [...cells].join(', ')])
}

function table (columns, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...inOrder(rows).map(line)].join('\n')
}

const failures = []

/** Prints a table, each row of which docs/proxies.md must have. */
function printStated (title, columns, rows) {
  const text = table(columns, rows)
  console.log(`\n${title}\n\n${text}`)
  const stated = docs.split('\n')
  for (const row of text.split('\n')) {
    if (rows.length > 0 && !stated.includes(row)) failures.push(`not in docs/proxies.md: ${row}`)
  }
}

function check (holds, what) {
  if (!holds) failures.push(what)
}

const details = []
const passedOn = []
const ownAnswers = []
const variants = []
const lostDetails = []
const lost = []
const ownToEach = []

/** Loses the connection to one service, or to one of two, after each method's work. */
async function tryLost (name, servers) {
  const runs = new Map()
  const services = await Promise.all(Array.from({ length: servers }, () => startService({ runs })))
  const proxy = await startProxy(work, name, services[0].port, servers > 1 ? SECOND_SERVER[name](services[1].port) : [])
  // A proxy keeps connections only after a request that was answered.
  for (const others of [0, servers * 2]) {
    for (const protocol of PROTOCOLS) {
      const seen = { connection: [], times: [], answer: [], outcome: [] }
      for (const method of METHODS) {
        const { runs: [connection, ...again], answer, outcome } = await lose(protocol, proxy, runs, method, others)
        const row = { connection, times: times(again.length + 1), answer, outcome }
        for (const [key, value] of Object.entries(row)) seen[key].push([value, method])
        lostDetails.push([name, servers, protocol, method, ...Object.values(row)])
        const title = `${name}, servers: ${servers}, ${protocol}, ${method} on a ${connection} connection`
        check(connection === (others > 0 && name !== 'varnish' ? 'reused' : 'new'), `${title}: not the connection that is tried`)
        check(again.length === 0 && outcome === 'unknown', `${title}: ${row.times}, ${answer}, ${outcome}`)
      }
      lost.push([name, protocol, ...Object.values(seen).map(summary), servers])
    }
  }
  await proxy.stop()
  await Promise.all(services.map(service => service.close()))
}

/** Notes what a proxy answers itself, by the answer. */
async function tryOwn (name, proxy, { begun }) {
  const over = {
    'HTTP/1.1': Object.keys(REQUESTS).map(async request => [request, await ownAnswer(proxy, begun, request, name === 'nginx')]),
    'HTTP/2': Object.keys(STREAMS).map(async request => [request, await ownAnswerToStream(proxy, begun, request)])
  }
  for (const [protocol, answers] of Object.entries(over)) {
    const requests = new Map()
    for (const [request, answer] of await Promise.all(answers)) {
      requests.set(answer, [...requests.get(answer) ?? [], request])
      check(!/^4.*begun$/.test(answer), `${name}, ${protocol}, ${request}: ${answer}`)
    }
    for (const [answer, names] of requests) ownToEach.push([name, protocol, answer, names.join('; ')])
  }
}

async function tryProxy (name) {
  const service = await startService()
  const proxy = await startProxy(work, name, service.port)
  for (const protocol of PROTOCOLS) {
    const changes = []
    for (const question of ANSWERS) {
      const { method, path, body = '' } = question
      const direct = await ask('HTTP/1.1', service, question)
      const proxied = await ask(protocol, proxy, question)
      const changed = compare(direct, proxied)
      changes.push([changed, method])
      details.push([name, protocol, method, path, body.length, direct.statusCode, ...Object.values(changed)])
      for (const what of ['status', 'header', 'retry-after', 'body', 'contract']) {
        check(changed[what] === 'kept', `${name}, ${protocol}, ${method} ${path} with ${body.length} bytes: ${what} ${changed[what]}`)
      }
    }
    const before = service.connections()
    await askAll(protocol, proxy, Array(MANY).fill(MISSING))
    const opened = service.connections() - before
    // Varnish opens one for each request, see docs/proxies/varnish.vcl.
    check(opened <= (name === 'varnish' ? MANY : 1), `${name}, ${protocol}: ${MANY} errors took ${opened} connections to the service`)
    const again = await askedAgain(protocol, proxy)
    check(again === '404, 201, 200', `${name}, ${protocol}: a 404 is kept: ${again}`)
    passedOn.push([name, protocol, ...Object.keys(changes[0][0]).map(what => summary(changes.map(([changed, method]) => [changed[what], method]))), again])
  }
  const slow = {}
  const down = {}
  await Promise.all([
    tryOwn(name, proxy, service),
    ...PROTOCOLS.map(async protocol => { slow[protocol] = await ask(protocol, proxy, { method: 'GET', path: '/slow' }) })
  ])
  await service.close()
  await Promise.all(PROTOCOLS.map(async protocol => { down[protocol] = await ask(protocol, proxy, DOWN) }))
  for (const protocol of PROTOCOLS) {
    for (const answer of [down[protocol], slow[protocol]]) check(answer.statusCode === 503 && answer.broken.length === 0, `${name}, ${protocol}: ${own(answer)}`)
    ownAnswers.push([name, protocol, own(down[protocol]), own(slow[protocol])])
  }
  await proxy.stop()
}

async function tryVariant (proxyName, { name, edits, http2, noStore, shows }) {
  const service = await startService({ http2, noStore })
  const proxy = await startProxy(work, proxyName, service.port, edits)
  variants.push([proxyName, name, await shows(proxy, service)])
  await proxy.stop()
  await service.close()
}

async function main () {
  // They mostly wait, so they are tried at the same time.
  await Promise.all(NAMES.map(async name => {
    const { version } = programOf(name) ?? {}
    if (version === undefined) {
      console.log(`${name}: not installed, skipped`)
      return
    }
    console.log(`${name} ${version}`)
    try {
      await tryProxy(name)
      for (const servers of [1, 2]) await tryLost(name, servers)
      for (const variant of VARIANTS[name]) await tryVariant(name, variant)
    } catch (error) {
      // The other proxies are still tried, and end what they started.
      failures.push(`${name}: ${error.stack}`)
    }
  }))
  console.log(`\nEach answer\n\n${table(['proxy', 'to the client', 'method', 'path', 'bytes sent', 'answer', ...COLUMNS], details)}`)
  printStated('What the service answers', ['proxy', 'to the client', ...COLUMNS, 'a 404, made, again'], passedOn)
  printStated('What the proxy answers itself', ['proxy', 'to the client', 'the service is down', 'too slow'], ownAnswers)
  printStated('What the proxy answers itself, or passes on', ['proxy', 'to the client', 'answer', 'requests'], ownToEach)
  console.log(`\nEach loss\n\n${table(['proxy', 'servers', 'to the client', 'method', 'to the service', 'work', 'answer', 'outcome'], lostDetails)}`)
  printStated('A connection that is lost', ['proxy', 'to the client', 'to the service', 'work', 'answer', 'outcome', 'servers'], joined(lost))
  printStated('With other settings', ['proxy', 'setting', 'what becomes of it'], variants)
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(name, () => {
    stopAll().finally(() => process.exit(1))
  })
}
try {
  await main()
} catch (error) {
  failures.push(error.stack)
} finally {
  await stopAll()
}
console.log(failures.length === 0 ? '\nas docs/proxies.md says' : `\n${failures.join('\n')}`)
// What hangs, such as a service that is asked for a slow answer, must not keep this from its end.
process.exit(failures.length === 0 ? 0 : 1)
