import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { getFieldValues, type HttpResponse, type FieldLine } from '../conformance/exchange/response.js'
import { Contract } from '../lib/contract.js'
import { takeCrashes, watchForCrashes } from './crashes.js'
import { search, settings } from './property.js'
import { Guarded } from './sentinel.js'
import { service } from './service.js'
import { rawUpstream, upstream } from './upstream.js'
import { lengthOf, make, textOf, valueOfAnySize, type Value } from './values.js'
import { breaches, injected } from './verdict.js'
import { within } from './within.js'
import { SAID, THROWN } from './ways.js'

const SETTINGS = settings(1_000_000)
const { runs: RUNS, seed: SEED } = SETTINGS
// In milliseconds; a dropped body can keep its answer waiting for one second.
const PATIENCE = 5000

watchForCrashes()
const contract = new Contract()
let current: { value: unknown, statusCode: number } = { value: undefined, statusCode: 500 }
let id = 0
// A late request of an earlier run must not meet the value of this one.
const told = (asked: string): typeof current => asked === String(id) ? current : { value: undefined, statusCode: 500 }

const upstreams = [await upstream(told), await rawUpstream(told)]
const logged = await service(told, { logger: true, http2: false, upstreams })
const silent = await service(told, { logger: false, http2: false, upstreams })
const http2 = await service(told, { logger: false, http2: true, upstreams })
const ports = new Map<FastifyInstance, number>()
for (const { app } of [logged, silent, http2]) {
  await app.listen({ port: 0, host: '127.0.0.1' })
  ports.set(app, (app.server.address() as AddressInfo).port)
}
const guarded = new Map([logged, silent].map(({ app }) => [app, new Guarded(ports.get(app)!)]))
let session: ClientHttp2Session | undefined

/** Asks over HTTP/2, on one connection as long as that is open. */
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
      if (found === undefined) reject(new Error(`no answer, but a reset with ${stream.rstCode}`))
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
  // The slow ones less often: a connection for each run, and a wait for some.
  way: fc.oneof(
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

/** What of the message must be there, or must not, where that is plain to see. */
function said ({ way, value, statusCode }: Run, answer: HttpResponse): string[] {
  const [reason] = getFieldValues(answer, contract.field)
  const text = value.kind === 'text' ? value.text : undefined
  if (way in SAID && text !== undefined && /^[!-~]+(?: [!-~]+)*$/.test(text)) {
    const expected = text.slice(0, 512).trimEnd()
    if (reason !== expected) return [`said: "${reason}" in the place of "${expected}"`]
  }
  if (way in THROWN && answer.statusCode >= 500 && !exposes(value) && reason !== contract.phrases.get(answer.statusCode)) {
    return [`said: what was thrown with a ${statusCode}, "${reason}"`]
  }
  return []
}

/** What asks to be sent, or is sent as it is: bytes, or a Response. */
function exposes (value: Value): boolean {
  switch (value.kind) {
    case 'error': return value.fields.expose === true
    case 'plain': return ArrayBuffer.isView(value.value)
    case 'hostile': return value.name === 'endless proxy' || value.name.includes('Response') || value.name.includes('bytes')
    default: return false
  }
}

// What is no Error, and thrown in an error handler, Fastify sends as the payload of a 200.
const THROWN_AS_PAYLOAD = /error handlers?(?: in a row)?: throw$/

const IN_A_HEADER = /header|challenge|send a type|statusMessage|phrase/

const counts: Record<string, number> = {}
let done = 0
const started = Date.now()

async function play (run: Run): Promise<void> {
  const { way, value, statusCode, method, log, transport } = run
  const { app, paths } = transport === 'http2' ? http2 : log ? logged : silent
  // A stream among them can last for ever.
  fc.pre(!(THROWN_AS_PAYLOAD.test(way) && value.kind === 'hostile'))
  id++
  current = { value: make(value), statusCode }
  // No client reads a header as long as that, or as many as bytes make that are taken for headers.
  fc.pre(!((transport === 'http2' || IN_A_HEADER.test(way)) && (lengthOf(value) > 10_000 || value.kind === 'bytes')))
  const url = paths.get(way)!
  let problems: string[]
  try {
    const answer = await within(PATIENCE, transport === 'inject'
      ? injected(app, { method: method as 'GET', url, headers: { 'x-case': String(id) } })
      : transport === 'socket'
        ? guarded.get(app)!.ask(`${method} ${url} HTTP/1.1\r\nHost: a\r\nx-case: ${id}\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`, method)
        : overHttp2(url, method))
    problems = [...breaches(answer, contract), ...said(run, answer)]
    if (answer.statusCode < 400 && !THROWN_AS_PAYLOAD.test(way)) problems.push(`unsuccessful, but answered ${answer.statusCode}`)
  } catch (error) {
    guarded.get(app)?.close()
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

console.log(`messages: ${RUNS} runs by ${NAMES.length} ways, seed ${SEED}`)
await search('messages', SETTINGS, anyRun, play, () => `${done} runs kept the contract (${Object.entries(counts).map(([name, count]) => `${count} by ${name}`).join(', ')})`)
