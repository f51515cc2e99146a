// Sends requests to a service directly and through each proxy, and prints how the
// responses differ. Fails if a response breaks the contract, or if the results
// differ from docs/proxies.md. Run by scripts/proxies/run.
import { readFileSync } from 'node:fs'
import { SECOND_SERVER, VARIANTS } from './configurations.js'
import { COLUMNS, compare, describeError, describeRuns, joinRows, summarize, table } from './descriptions.js'
import { createMissing, loseConnection, tryRawRequest, tryRawStream } from './observations.js'
import { ANSWERED, DOWN, MISSING, RAW_REQUESTS, RAW_STREAMS, SLOW } from './requests.js'
import { send, sendAll } from './send.js'
import { METHODS, startService } from './service.js'
import { PROXY_NAMES, findProgram, startProxy, stopAll } from './start.js'

const PROTOCOLS = ['HTTP/1.1', 'HTTP/2']

// The number of consecutive errors on one connection.
const ERRORS_IN_A_ROW = 5

const [work] = process.argv.slice(2)
const documented = readFileSync(new URL('../../docs/proxies.md', import.meta.url), 'utf8').split('\n')

const failures = []

function check (holds, failure) {
  if (!holds) failures.push(failure)
}

/** The rows of each table, which are printed at the end. */
const rows = { answers: [], passedOn: [], madeByProxy: [], rawRequests: [], losses: [], lossesByProxy: [], variants: [] }

async function measureProxy (name) {
  const service = await startService()
  const proxy = await startProxy(work, name, service.port)
  for (const protocol of PROTOCOLS) await measureAnswers(name, protocol, proxy, service)
  const slow = {}
  await Promise.all([
    measureRawRequests(name, proxy, service),
    ...PROTOCOLS.map(async protocol => { slow[protocol] = await send(protocol, proxy, SLOW) })
  ])
  await service.close()
  const down = {}
  await Promise.all(PROTOCOLS.map(async protocol => { down[protocol] = await send(protocol, proxy, DOWN) }))
  for (const protocol of PROTOCOLS) {
    for (const answer of [down[protocol], slow[protocol]]) {
      check(answer.statusCode === 503 && answer.violations.length === 0, `${name}, ${protocol}: ${describeError(answer)}`)
    }
    rows.madeByProxy.push([name, protocol, describeError(down[protocol]), describeError(slow[protocol])])
  }
  await proxy.stop()
}

/** Compares the responses through a proxy with the direct responses of the service. */
async function measureAnswers (name, protocol, proxy, service) {
  const changes = []
  for (const request of ANSWERED) {
    const { method, path, body = '' } = request
    const direct = await send('HTTP/1.1', service, request)
    const change = compare(direct, await send(protocol, proxy, request))
    changes.push([change, method])
    rows.answers.push([name, protocol, method, path, body.length, direct.statusCode, ...Object.values(change)])
    for (const column of ['status', 'header', 'retry-after', 'body', 'contract']) {
      check(change[column] === 'kept', `${name}, ${protocol}, ${method} ${path} with ${body.length} bytes: ${column} ${change[column]}`)
    }
  }
  const before = service.connections()
  await sendAll(protocol, proxy, Array(ERRORS_IN_A_ROW).fill(MISSING))
  const opened = service.connections() - before
  // Varnish opens a connection for each request: see docs/proxies/varnish.vcl.
  check(opened <= (name === 'varnish' ? ERRORS_IN_A_ROW : 1), `${name}, ${protocol}: ${ERRORS_IN_A_ROW} errors took ${opened} connections to the service`)
  const statusCodes = await createMissing(protocol, proxy)
  check(statusCodes === '404, 201, 200', `${name}, ${protocol}: a 404 is kept: ${statusCodes}`)
  rows.passedOn.push([name, protocol, ...COLUMNS.map(column => summarize(changes.map(([change, method]) => [change[column], method]))), statusCodes])
}

/** Groups the raw requests by their results. */
async function measureRawRequests (name, proxy, { begun }) {
  const tried = {
    'HTTP/1.1': Object.keys(RAW_REQUESTS).map(async request => [request, await tryRawRequest(proxy, begun, request, name === 'nginx')]),
    'HTTP/2': Object.keys(RAW_STREAMS).map(async request => [request, await tryRawStream(proxy, begun, request)])
  }
  for (const [protocol, outcomes] of Object.entries(tried)) {
    const requests = new Map()
    for (const [request, outcome] of await Promise.all(outcomes)) {
      requests.set(outcome, [...requests.get(outcome) ?? [], request])
      check(!/^4.*begun$/.test(outcome), `${name}, ${protocol}, ${request}: ${outcome}`)
    }
    for (const [outcome, names] of requests) rows.rawRequests.push([name, protocol, outcome, names.join('; ')])
  }
}

/**
 * Sends a request with each method, and drops the connection to the service after its work. Does so with one server and with two.
 */
async function measureLosses (name, servers) {
  const runs = new Map()
  const services = await Promise.all(Array.from({ length: servers }, () => startService({ runs })))
  const proxy = await startProxy(work, name, services[0].port, servers > 1 ? SECOND_SERVER[name](services[1].port) : [])
  // A proxy keeps a connection open only after a request that got a response.
  for (const requestsBefore of [0, servers * 2]) {
    for (const protocol of PROTOCOLS) {
      const seen = { connection: [], times: [], answer: [], outcome: [] }
      for (const method of METHODS) {
        const { runs: [connection, ...again], answer, outcome } = await loseConnection(protocol, proxy, runs, method, requestsBefore)
        const row = { connection, times: describeRuns(again.length + 1), answer, outcome }
        for (const [key, value] of Object.entries(row)) seen[key].push([value, method])
        rows.losses.push([name, servers, protocol, method, ...Object.values(row)])
        const title = `${name}, servers: ${servers}, ${protocol}, ${method} on a ${connection} connection`
        check(connection === (requestsBefore > 0 && name !== 'varnish' ? 'reused' : 'new'), `${title}: the test needs another kind of connection`)
        check(again.length === 0 && outcome === 'unknown', `${title}: ${row.times}, ${answer}, ${outcome}`)
      }
      rows.lossesByProxy.push([name, protocol, ...Object.values(seen).map(summarize), servers])
    }
  }
  await proxy.stop()
  await Promise.all(services.map(service => service.close()))
}

async function measureVariant (proxyName, { name, edits, http2, noStore, observe }) {
  const service = await startService({ http2, noStore })
  const proxy = await startProxy(work, proxyName, service.port, edits)
  rows.variants.push([proxyName, name, await observe(proxy, service)])
  await proxy.stop()
  await service.close()
}

async function measureAll (name) {
  const { version } = findProgram(name) ?? {}
  if (version === undefined) {
    console.log(`${name}: not installed, skipped`)
    return
  }
  console.log(`${name} ${version}`)
  try {
    await measureProxy(name)
    for (const servers of [1, 2]) await measureLosses(name, servers)
    for (const variant of VARIANTS[name]) await measureVariant(name, variant)
  } catch (error) {
    // Continue with the other proxies, which also stop the processes that they started.
    failures.push(`${name}: ${error.stack}`)
  }
}

function print (title, columns, rows) {
  console.log(`\n${title}\n\n${table(columns, rows)}`)
}

/** Prints a table. Fails unless docs/proxies.md contains each of its rows. */
function printDocumented (title, columns, rows) {
  print(title, columns, rows)
  if (rows.length === 0) return
  for (const row of table(columns, rows).split('\n')) check(documented.includes(row), `docs/proxies.md must contain the row ${row}`)
}

function printTables () {
  print('Each answer', ['proxy', 'to the client', 'method', 'path', 'bytes sent', 'answer', ...COLUMNS], rows.answers)
  printDocumented('What the service answers', ['proxy', 'to the client', ...COLUMNS, 'a 404, made, again'], rows.passedOn)
  printDocumented('What the proxy answers itself', ['proxy', 'to the client', 'the service is down', 'too slow'], rows.madeByProxy)
  printDocumented('What the proxy answers itself, or passes on', ['proxy', 'to the client', 'answer', 'requests'], rows.rawRequests)
  print('Each loss', ['proxy', 'servers', 'to the client', 'method', 'to the service', 'work', 'answer', 'outcome'], rows.losses)
  printDocumented('A connection that is lost', ['proxy', 'to the client', 'to the service', 'work', 'answer', 'outcome', 'servers'], joinRows(rows.lossesByProxy))
  printDocumented('With other settings', ['proxy', 'setting', 'what becomes of it'], rows.variants)
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(name, () => {
    stopAll().finally(() => process.exit(1))
  })
}
try {
  // Measure all proxies at the same time, because a proxy spends most of the time waiting.
  await Promise.all(PROXY_NAMES.map(measureAll))
  printTables()
} catch (error) {
  failures.push(error.stack)
} finally {
  await stopAll()
}
console.log(failures.length === 0 ? '\nthe results match docs/proxies.md' : `\n${failures.join('\n')}`)
// Exit explicitly, because a pending slow response of the service would keep this process alive.
process.exit(failures.length === 0 ? 0 : 1)
