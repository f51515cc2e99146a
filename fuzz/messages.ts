import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { getFieldValues, type FieldLine, type HttpResponse } from '../conformance/exchange/response.js'
import { Contract } from '../lib/contract.js'
import { takeCrashes, watchForCrashes } from './crashes.js'
import { checkProperty, readSettings } from './property.js'
import { SentinelConnection } from './sentinel-connection.js'
import { createService } from './service.js'
import { startRawUpstream, startUpstream } from './upstream.js'
import { lengthOf, makeValue, textOf, valueOfAnySize, type Value } from './values.js'
import { findViolations, inject } from './responses.js'
import { withTimeout } from './with-timeout.js'
import { DECORATOR_CALLS, THROWN_ERRORS } from './entry-points.js'

const SETTINGS = readSettings(1_000_000)
const { runs: RUNS, seed: SEED } = SETTINGS
// Longer than one second, because a body that is discarded can delay the response by up to one second.
const TIMEOUT_MS = 5000

watchForCrashes()
const contract = new Contract()
let current: { value: unknown, statusCode: number } = { value: undefined, statusCode: 500 }
let id = 0
// Compare the ids, so that a late request of an earlier run does not get the value of the current run.
const caseOf = (requestId: string): typeof current => requestId === String(id) ? current : { value: undefined, statusCode: 500 }

const upstreams = [await startUpstream(caseOf), await startRawUpstream(caseOf)]
const logged = await createService(caseOf, { logger: true, http2: false, upstreams })
const silent = await createService(caseOf, { logger: false, http2: false, upstreams })
const http2 = await createService(caseOf, { logger: false, http2: true, upstreams })
const ports = new Map<FastifyInstance, number>()
for (const { app } of [logged, silent, http2]) {
  await app.listen({ port: 0, host: '127.0.0.1' })
  ports.set(app, (app.server.address() as AddressInfo).port)
}
const sentinelConnections = new Map([logged, silent].map(({ app }) => [app, new SentinelConnection(ports.get(app)!)]))
let session: ClientHttp2Session | undefined

/** Sends a request over HTTP/2. Reuses the connection as long as it is open. */
async function overHttp2 (path: string, method: string): Promise<HttpResponse> {
  if (session === undefined || session.destroyed || session.closed) {
    session = connect(`http://127.0.0.1:${ports.get(http2.app)}`)
    session.on('error', () => {})
  }
  const open = session
  return await new Promise((resolve, reject) => {
    const stream = open.request({ ':method': method, ':path': path, 'x-case': String(id) })
    const chunks: Buffer[] = []
    const trailers: FieldLine[] = []
    let found: { statusCode: number, fields: FieldLine[] } | undefined
    stream.on('response', headers => {
      found = { statusCode: headers[':status']!, fields: fieldsOf(headers) }
    })
    stream.on('data', chunk => { chunks.push(chunk) })
    stream.on('trailers', headers => { trailers.push(...fieldsOf(headers)) })
    stream.on('error', reject)
    stream.on('close', () => {
      if (found === undefined) reject(new Error(`no response, but a reset with ${stream.rstCode}`))
      else resolve({ ...found, version: '2', method, phrase: undefined, trailers, body: Buffer.concat(chunks), interim: [] })
    })
    stream.end()
  })
}

function fieldsOf (headers: IncomingHttpHeaders): FieldLine[] {
  return Object.entries(headers).filter(([name]) => !name.startsWith(':')).flatMap(([name, value]) => [value].flat().map(one => [name, String(one)] as const))
}

const NAMES = [...logged.paths.keys()]
const HTTP1 = fc.constantFrom('inject', 'socket')

const anyRun = fc.record({
  // Choose the upstreams less often, because they are slow: each run opens a connection.
  entryPoint: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...NAMES.filter(name => !name.includes('upstream'))) },
    { weight: 1, arbitrary: fc.constantFrom(...NAMES.filter(name => name.includes('upstream'))) }
  ),
  value: valueOfAnySize,
  statusCode: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(400, 401, 403, 404, 422, 500, 501, 503) },
    { weight: 1, arbitrary: fc.integer({ min: 400, max: 599 }) }
  ),
  method: fc.oneof({ weight: 6, arbitrary: fc.constant('GET') }, { weight: 1, arbitrary: fc.constantFrom('HEAD', 'POST', 'OPTIONS', 'DELETE') }),
  log: fc.boolean(),
  transport: fc.oneof({ weight: 20, arbitrary: fc.constant('inject') }, { weight: 3, arbitrary: HTTP1 }, { weight: 1, arbitrary: fc.constant('http2') })
})

type Run = typeof anyRun extends fc.Arbitrary<infer T> ? T : never

/**
 * Returns a problem if a required message is missing, or if a secret message is sent. Checks only entry points for which this is
 * known.
 */
function findMessageViolations ({ entryPoint, value, statusCode }: Run, answer: HttpResponse): string[] {
  const [reason] = getFieldValues(answer, contract.field)
  const text = value.kind === 'text' ? value.text : undefined
  if (entryPoint in DECORATOR_CALLS && text !== undefined && /^[!-~]+(?: [!-~]+)*$/.test(text)) {
    const expected = text.slice(0, 512).trimEnd()
    if (reason !== expected) return [`message: "${reason}" instead of "${expected}"`]
  }
  if (entryPoint in THROWN_ERRORS && answer.statusCode >= 500 && !isExposed(value) && reason !== contract.phrases.get(answer.statusCode)) {
    return [`message: the thrown message is sent with a ${statusCode}: "${reason}"`]
  }
  return []
}

/** Returns whether the value may be the message of a 5xx: an exposed error, bytes, or a Response. */
function isExposed (value: Value): boolean {
  switch (value.kind) {
    case 'error': return value.fields.expose === true
    case 'plain': return ArrayBuffer.isView(value.value)
    case 'hostile': return value.name === 'endless proxy' || value.name.includes('Response') || value.name.includes('bytes')
    default: return false
  }
}

// If an error handler throws a value that is not an Error, Fastify sends the value as the payload of a 200.
const THROWN_AS_PAYLOAD = /error handlers?(?: in a row)?: throw$/

const IN_A_HEADER = /header|challenge|send a type|statusMessage|phrase/

const counts: Record<string, number> = {}
let done = 0
const started = Date.now()

async function runCase (run: Run): Promise<void> {
  const { entryPoint, value, statusCode, method, log, transport } = run
  const { app, paths } = transport === 'http2' ? http2 : log ? logged : silent
  // Exclude these values as payloads, because one of them can be a stream that never ends.
  fc.pre(!(THROWN_AS_PAYLOAD.test(entryPoint) && value.kind === 'hostile'))
  id++
  current = { value: makeValue(value), statusCode }
  // Exclude headers that clients reject: very long ones, and the many headers that a Buffer becomes when it is passed as headers.
  fc.pre(!((transport === 'http2' || IN_A_HEADER.test(entryPoint)) && (lengthOf(value) > 10_000 || value.kind === 'bytes')))
  const url = paths.get(entryPoint)!
  let problems: string[]
  try {
    const answer = await withTimeout(TIMEOUT_MS, transport === 'inject'
      ? inject(app, { method: method as 'GET', url, headers: { 'x-case': String(id) } })
      : transport === 'socket'
        ? sentinelConnections.get(app)!.send(`${method} ${url} HTTP/1.1\r\nHost: a\r\nx-case: ${id}\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`, method)
        : overHttp2(url, method))
    problems = [...findViolations(answer, contract), ...findMessageViolations(run, answer)]
    if (answer.statusCode < 400 && !THROWN_AS_PAYLOAD.test(entryPoint)) problems.push(`must be unsuccessful, but the status code is ${answer.statusCode}`)
  } catch (error) {
    sentinelConnections.get(app)?.close()
    problems = [error instanceof Error ? error.stack ?? error.message : textOf(error)]
  }
  await tick()
  problems.push(...takeCrashes().map(crash => `crash: ${crash}`))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  counts[transport] = (counts[transport] ?? 0) + 1
  if (++done % Math.max(1000, Math.floor(RUNS / 20)) === 0) {
    console.log(`${done} of ${RUNS} runs, ${Math.round(done / (Date.now() - started) * 1000)} a second, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`)
  }
}

console.log(`messages: ${RUNS} runs by ${NAMES.length} entry points, seed ${SEED}`)
await checkProperty('messages', SETTINGS, anyRun, runCase, () => `${done} runs kept the contract (${Object.entries(counts).map(([name, count]) => `${count} by ${name}`).join(', ')})`)
