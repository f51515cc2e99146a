import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { metrics, propagation } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import ts from 'typescript'
import reasonPhrase, { ERROR_CHANNEL, serverOptions } from '../../index.js'
import { logTo } from '../fixtures/log.js'
import { exchange, listen } from '../fixtures/wire.js'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'recipes.md'), 'utf8')
const ENTRIES: Record<string, string> = { '': 'index.ts', '/client': 'client/index.ts', '/conformance': 'conformance/index.ts' }

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

/** Returns the code blocks in this language in a section of the page. */
function blocksOf (title: string, language: string): string[] {
  const [, section] = page.split(`\n## ${title}\n`)
  const [text] = section!.split('\n## ')
  return Array.from(text!.matchAll(/^```(\w*)\n([^]*?)^```$/gm)).filter(([, name]) => name === language).map(([,, code]) => code!)
}

let recipes = 0

/** Runs a TypeScript block that can use these variables, and returns the given variable of the block. */
async function run (t: Test, code: string, around: Record<string, unknown>, result?: string): Promise<any> {
  const [, imports, statements] = /^((?:import .*\n)*)([^]*)$/.exec(code)!
  const resolved = imports!.replaceAll(/'fastify-reason-phrase(\/\w+)?'/g, (_match, entry = '') => JSON.stringify(pathToFileURL(join(root, ENTRIES[entry]!)).href))
  const source = `${resolved}\nexport async function run ({ ${Object.keys(around).join(', ')} }: any) {\n${statements}\n${result === undefined ? '' : `return ${result}`}}`
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
  // Use a new file name each time, because Node imports each file only once.
  const file = join(t.testdir(), `recipe-${recipes++}.mjs`)
  writeFileSync(file, outputText)
  const module = await import(pathToFileURL(file).href)
  return await module.run(around)
}

async function createApp (t: Test, lines: unknown[] = []): Promise<FastifyInstance> {
  const app = Fastify(serverOptions({ logger: logTo(lines) }, { requestId: true })) as unknown as FastifyInstance
  t.teardown(() => app.close())
  return app
}

/** Asserts that a response has the status line and the fields that a section of the page shows. */
function assertShown (t: Test, title: string, { statusCode, statusMessage, headers }: LightMyRequestResponse): void {
  const [statusLine, ...fields] = blocksOf(title, '')[0]!.trim().split('\n')
  t.equal(`HTTP/1.1 ${statusCode} ${statusMessage}`, statusLine)
  for (const field of fields) {
    const [name, value] = field.split(': ')
    t.equal(headers[name!.toLowerCase()], value, name)
  }
}

t.test('reports all validation errors', async t => {
  const [service] = blocksOf('Report all validation errors', 'ts')
  const app = await run(t, service!, {}, 'app')
  t.teardown(() => app.close())
  const create = (payload: object): Promise<LightMyRequestResponse> => app.inject({ method: 'POST', url: '/topic', payload })
  assertShown(t, 'Report all validation errors', await create({ name: '', size: 11 }))
  t.match(await create({ name: 'orders' }), { statusCode: 422, statusMessage: 'name is taken', headers: { 'x-field': 'name' }, body: '' })
  t.match(await create({ name: 'invoices' }), { statusCode: 200, body: '{"name":"invoices"}' })

  const [test] = blocksOf('Test a response with `inject`', 'ts')
  const titles: string[] = []
  await run(t, test!.replace(/^import t .*\n/, ''), {
    app,
    t: { test: async (title: string, run: (t: Test) => Promise<void>) => { titles.push(title); await t.test(title, run) } }
  })
  t.equal(titles.length, 1)
})

t.test('checks callers in a hook', async t => {
  const [service] = blocksOf('Check callers in a hook', 'ts')
  const app = await run(t, service!, { findCaller: async (token?: string) => token === undefined ? undefined : { mayWrite: token === 'Bearer writer' } }, 'app')
  t.teardown(() => app.close())
  const create = (headers = {}): Promise<LightMyRequestResponse> => app.inject({ method: 'POST', url: '/topic', headers })
  assertShown(t, 'Check callers in a hook', await create())
  t.match(await create({ authorization: 'Bearer reader' }), { statusCode: 403, statusMessage: 'This token may only read', body: '' })
  t.match(await create({ authorization: 'Bearer writer' }), { statusCode: 200, body: '{}' })
})

t.test('the id of an error is in the response, in the log and in the result of the client', async t => {
  const [service, client] = blocksOf('Find an error in the log', 'ts')
  const lines: any[] = []
  const app = await run(t, service!.replace('logger: true', 'logger'), { logger: logTo(lines) }, 'app')
  const port = await listen(t, app)
  const { statusCode, phrase, lines: fields } = await exchange(port, 'GET /report HTTP/1.1\r\nHost: a\r\n\r\n')
  const [sent, logged] = blocksOf('Find an error in the log', '')
  const [statusLine, ...shown] = sent!.trim().split('\n')
  t.equal(`HTTP/1.1 ${statusCode} ${phrase}`, statusLine)
  const withoutId = (line: string): string => line.replace(/[\da-f]{8}-[\da-f-]{27}/, 'ID')
  for (const line of shown) t.ok(fields.some(([name, value]) => withoutId(`${name}: ${value}`) === withoutId(line)), line)
  const id = fields.find(([name]) => name === 'x-request-id')![1]
  t.match(lines.find(({ err }) => err !== undefined), { level: 50, reqId: id, msg: 'The disk is full' })
  t.match(logged, /"level":50,…,"reqId":"[\da-f-]{36}","err":\{"message":"The disk is full"/)

  const printed: string[] = []
  await run(t, client!, { baseUrl: `http://127.0.0.1:${port}`, console: { error: (line: string) => printed.push(line) } })
  t.match(printed, [/^Internal Server Error, request [\da-f-]{36}$/])
})

t.test('the recipe uses the trace id as the request id', async t => {
  const [service] = blocksOf('Use the trace id as request id', 'ts')
  const app = await run(t, service!, {}, 'app')
  t.teardown(() => app.close())
  t.equal((await app.inject({ url: '/', headers: { traceparent } })).headers['x-request-id'], traceId)
  for (const headers of [{}, { traceparent: 'nonsense' }]) t.match((await app.inject({ url: '/', headers })).headers['x-request-id'], /^[\da-f-]{36}$/)
})

t.test('the recipe adds the request id to the span, and the trace id to the log', async t => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  t.teardown(() => { propagation.disable() })
  const setTracerProvider = FastifyOtelInstrumentation.prototype.setTracerProvider
  const [code] = blocksOf('Connect errors to spans of `@fastify/otel`', 'ts')
  const lines: any[] = []
  const app = await createApp(t, lines)
  const instrumentation = await run(t, code!, { app, reasonPhrase }, 'instrumentation')
  setTracerProvider.call(instrumentation, provider)
  app.get('/', async () => { throw new Error('The disk is full') })
  app.get('/taken', (_request, reply) => { reply.code(409).send() })

  const response = await app.inject({ url: '/', headers: { traceparent } })
  const id = response.headers['x-request-id']
  const span = exporter.getFinishedSpans().find(({ attributes }) => attributes['http.request.id'] === id)!
  t.equal(span.spanContext().traceId, traceId)
  t.match(lines.find(({ err }) => err !== undefined), { reqId: id, traceId, msg: 'The disk is full' })
  const { headers } = await app.inject('/taken')
  const taken = exporter.getFinishedSpans().find(({ attributes }) => attributes['http.request.id'] === headers['x-request-id'])!
  t.equal(taken.attributes['http.response.status_code'], 409)
})

/** Adds routes that fail in different ways, and sends a request to each. */
async function fail (app: FastifyInstance): Promise<void> {
  await app.register(reasonPhrase)
  app.get('/topic/:topicId', (_request, reply) => reply.notFound())
  app.get('/slow', (_request, reply) => { reply.code(429).send() })
  for (const url of ['/topic/1', '/topic/2', '/slow', '/none']) await app.inject(url)
}

t.test('the recipe for OpenTelemetry counts errors', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  t.teardown(async () => { metrics.disable(); await reader.shutdown() })
  const [code] = blocksOf('Count errors with OpenTelemetry', 'ts')
  await run(t, code!, {})
  const app = await createApp(t)
  await fail(app)
  await exchange(await listen(t, app), 'nonsense\r\n\r\n')

  await reader.forceFlush()
  const [counter] = exporter.getMetrics()[0]!.scopeMetrics[0]!.metrics
  t.equal(counter!.descriptor.name, 'http.server.errors')
  t.strictSame(counter!.dataPoints.map(({ attributes, value }) => [...Object.values(attributes), value]), [
    ['GET', '/topic/:topicId', 404, 404, 'decorator', 2],
    ['GET', '/slow', 400, 429, 'status', 1],
    ['GET', 'none', 404, 404, 'payload', 1],
    ['_OTHER', 'none', 400, 400, 'client-error', 1]
  ])
})

t.test('the recipe for Prometheus counts errors', async t => {
  const [code] = blocksOf('Count errors with Prometheus', 'ts')
  const app = await createApp(t)
  await run(t, code!, { app })
  await fail(app)
  const { body, headers } = await app.inject('/metrics')
  t.match(headers['content-type'], /^text\/plain/)
  const [shown] = blocksOf('Count errors with Prometheus', '')
  for (const line of [
    shown!.trim().replace(/1$/, '2'),
    'http_errors_total{method="GET",route="/slow",status="400",original_status="429",source="status"} 1',
    'http_errors_total{method="GET",route="none",status="404",original_status="404",source="payload"} 1'
  ]) t.ok(body.split('\n').includes(line), line)
})

t.test('the page contains the name of the diagnostics channel', async t => {
  t.match(page, `\`ERROR_CHANNEL\` is \`${ERROR_CHANNEL}\``)
})
