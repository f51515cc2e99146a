// Asks a service directly and through each proxy, prints what became of its
// answers, and fails where one breaks the contract, or where docs/proxies.md
// says otherwise. Run by .ci/proxies.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import http2 from 'node:http2'
import { assertContract } from '../conformance/assert-contract.ts'
import { connect, valuesOf } from '../test/fixtures/wire.ts'
import { BODY_LIMIT, startService } from './proxy-service.js'
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

const MALFORMED = 'G\0T / HTTP/1.1\r\nHost: localhost\r\n\r\n'

const MISSING = { method: 'GET', path: '/topic/none' }
const DOWN = { method: 'GET', path: '/down' }

// How many errors follow each other on one connection.
const MANY = 5

const WITHOUT_RESPONSE = [/sub vcl_backend_response \{[^]*?\n\}\n/g, '']

// Each is other in one thing than docs/proxies, and asked what shows it.
const VARIANTS = {
  nginx: [
    { name: 'without `error_page`', edits: [[/^ *error_page .*/gm, '']], shows: showDown },
    { name: '`proxy_intercept_errors on`', edits: [['proxy_intercept_errors off', 'proxy_intercept_errors on']], shows: showAnswer(MISSING) }
  ],
  haproxy: [
    { name: 'without `http-error`', edits: [[/^ *http-(error|after-response) .*/gm, '']], shows: showDown },
    { name: 'HTTP/2 to the service (`proto h2`)', http2: true, edits: [['service 127.0.0.1:3000', 'service 127.0.0.1:3000 proto h2']], shows: showAnswer(MISSING) }
  ],
  httpd: [
    { name: 'without `ErrorDocument`', edits: [[/^ErrorDocument .*/gm, '']], shows: showDown },
    { name: '`ProxyErrorOverride On`', edits: [['ProxyErrorOverride Off', 'ProxyErrorOverride On']], shows: showAnswer(MISSING) },
    { name: 'HTTP/2 to the service (`h2c://`)', http2: true, edits: [['http://127.0.0.1:3000/', 'h2c://127.0.0.1:3000/']], shows: showAnswer(MISSING) }
  ],
  varnish: [
    { name: 'without `vcl_backend_response`', edits: [WITHOUT_RESPONSE], shows: showKept },
    { name: 'the same, and `cache-control: no-store` from the service', edits: [WITHOUT_RESPONSE], noStore: true, shows: showKept },
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
      const chunks = []
      stream.on('data', chunk => chunks.push(chunk))
      const ended = once(stream, 'end')
      ended.catch(() => {})
      if (body !== undefined) stream.end(body)
      const [{ ':status': statusCode, ...headers }] = await inTime(once(stream, 'response'))
      await inTime(ended)
      const received = Buffer.concat(chunks)
      const response = { statusCode, headers, trailers: {}, body: { arrayBuffer: async () => received } }
      answers.push({ statusCode, headers, body: received.toString('latin1'), broken: await broken(response, statusCode, method) })
    }
  } finally {
    session.destroy()
  }
  return answers
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

async function showKept (proxy) {
  return `a 404 is asked for, made, and asked for again: ${await askedAgain('HTTP/1.1', proxy)}`
}

/** Whether a 404 still stands for a resource that is there by now. */
async function askedAgain (protocol, proxy) {
  const answers = []
  for (const method of ['GET', 'PUT', 'GET']) answers.push(await ask(protocol, proxy, { method, path: `/topic/${protocol === 'HTTP/2' ? 'second' : 'first'}` }))
  return answers.map(({ statusCode }) => statusCode).join(', ')
}

/** The distinct outcomes of several answers, and the methods of those that are fewer. */
function summary (outcomes) {
  const methods = new Map()
  for (const [outcome, method] of outcomes) methods.set(outcome, (methods.get(outcome) ?? new Set()).add(method))
  const [[most], ...others] = [...methods]
  return [most, ...others.map(([outcome, methods]) => `${outcome} for ${[...methods].join(', ')}`)].join('; ')
}

function table (columns, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
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
    check(opened <= 1, `${name}, ${protocol}: ${MANY} errors took ${opened} connections to the service`)
    const again = await askedAgain(protocol, proxy)
    check(again === '404, 201, 200', `${name}, ${protocol}: a 404 is kept: ${again}`)
    passedOn.push([name, protocol, ...Object.keys(changes[0][0]).map(what => summary(changes.map(([changed, method]) => [changed[what], method]))), again])
  }
  const slow = {}
  const down = {}
  for (const protocol of PROTOCOLS) slow[protocol] = await ask(protocol, proxy, { method: 'GET', path: '/slow' })
  const [malformed] = await overHttp1(proxy.port, [MALFORMED], [{ method: 'GET' }])
  await service.close()
  for (const protocol of PROTOCOLS) {
    down[protocol] = await ask(protocol, proxy, DOWN)
    for (const answer of [down[protocol], slow[protocol]]) check(answer.statusCode === 503 && answer.broken.length === 0, `${name}, ${protocol}: ${own(answer)}`)
    ownAnswers.push([name, protocol, own(down[protocol]), own(slow[protocol]), protocol === 'HTTP/2' ? '' : own(malformed)])
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
  for (const name of NAMES) {
    const { version } = programOf(name) ?? {}
    if (version === undefined) {
      console.log(`${name}: not installed, skipped`)
      continue
    }
    console.log(`${name} ${version}`)
    await tryProxy(name)
    for (const variant of VARIANTS[name]) await tryVariant(name, variant)
  }
  console.log(`\nEach answer\n\n${table(['proxy', 'to the client', 'method', 'path', 'bytes sent', 'answer', ...COLUMNS], details)}`)
  printStated('What the service answers', ['proxy', 'to the client', ...COLUMNS, 'a 404, made, again'], passedOn)
  printStated('What the proxy answers itself', ['proxy', 'to the client', 'the service is down', 'too slow', 'a malformed request'], ownAnswers)
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
