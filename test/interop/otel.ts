import { FastifyOtelInstrumentation } from '@fastify/otel'
import { ROOT_CONTEXT, SpanStatusCode, trace, type Exception, type Span, type SpanStatus, type Tracer } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'
import createError from 'http-errors'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

interface Ended {
  name: string
  status?: SpanStatus
  statusCode?: unknown
  exceptions: Exception[]
}

/** Returns a tracer provider that collects the ended spans. */
function recorder () {
  const ended: Ended[] = []
  const startSpan = (name: string): Span => {
    const kept: Ended = { name, exceptions: [] }
    const span = trace.getSpan(trace.setSpanContext(ROOT_CONTEXT, { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }))!
    return Object.assign(span, {
      setStatus (status: SpanStatus) { kept.status = status; return span },
      setAttributes (attributes: Record<string, unknown>) { kept.statusCode = attributes['http.response.status_code']; return span },
      recordException (exception: Exception) { kept.exceptions.push(exception) },
      end () { ended.push(kept) }
    })
  }
  return { ended, getTracer: () => ({ startSpan } as unknown as Tracer) }
}

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/refused', (_request, reply) => reply.notFound('No topic EBT-1'))
  app.get('/unavailable', (_request, reply) => reply.serviceUnavailable('We move'))
  app.get('/taken', async () => { throw createError(409, 'It is taken') })
  app.get('/broken', async () => { throw new Error('a secret') })
}

t.test('@fastify/otel: records the status code and the exception of an error in the span', async t => {
  const spans = recorder()
  const plugin = (app: FastifyInstance) => {
    const instrumentation = new FastifyOtelInstrumentation()
    instrumentation.setTracerProvider(spans)
    return app.register(instrumentation.plugin())
  }
  testWithPlugin(t, { plugin, routes }, async (t, { request }) => {
    /** Returns the span of the last request. */
    const span = (): Ended => spans.ended.splice(0).findLast(({ name }) => name === 'request')!

    t.equal((await request('/')).body, 'ok')
    t.strictSame(span(), { name: 'request', statusCode: 200, exceptions: [] })

    assertError(t, await request('/refused'), 404, 'No topic EBT-1')
    t.strictSame(span(), { name: 'request', statusCode: 404, exceptions: [] })

    assertError(t, await request('/unavailable'), 503, 'We move')
    t.strictSame(span(), { name: 'request', status: { code: SpanStatusCode.ERROR }, statusCode: 503, exceptions: [] })

    assertError(t, await request('/broken'), 500, 'Internal Server Error')
    t.match(span(), { status: { code: SpanStatusCode.ERROR, message: 'a secret' }, statusCode: 500, exceptions: [{ message: 'a secret' }] })

    // The span ends before the status code is normalized.
    assertError(t, await request('/taken'), 400, 'It is taken')
    t.match(span(), { status: { code: SpanStatusCode.ERROR, message: 'It is taken' }, statusCode: 409, exceptions: [{ message: 'It is taken' }] })

    assertError(t, await request('/none'), 404, 'Route GET:/none not found')
    t.match(span(), { statusCode: 404, exceptions: [] })
  })
})
