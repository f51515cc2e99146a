import type { RouteOptions } from 'fastify'
import { findContract } from '../lib/service-contract.js'
import { checkConformanceOptions } from './check-options.js'
import { toHttp2Request } from './exchange/http2.js'
import { detectProtocols, type Protocol } from './exchange/protocols.js'
import type { HeadersHook, RequestOptions } from './exchange/request.js'
import { completeIdempotency } from './idempotent-routes.js'
import { createIdempotencyProbes, type IdempotencyOptions } from './probes/idempotency.js'
import { probeHttp2, probeRequest, type Probe } from './probes/probe.js'
import { deriveRequests } from './probes/routes.js'
import type { ResolveRef, Schema } from './probes/schema-values.js'
import { selectProbes, type Selection } from './probes/select.js'
import { getRecordedRoutes } from './recorded-routes.js'
import { resolveContract, type JudgingOptions } from './resolve-contract.js'
import { runProbes } from './run-probes.js'
import { createReporter, type Suite } from './suite.js'
import type { Target } from './target.js'

/** The members of a Fastify instance that the kit uses. */
export interface Service {
  readonly server: { readonly listening: boolean, address: () => unknown }
  readonly initialConfig: { readonly https?: unknown, readonly bodyLimit?: number }
  listen (options: { port: number, host: string }): PromiseLike<unknown>
  close (): PromiseLike<unknown>
  getSchema (id: string): unknown
}

/** The options of {@link conformance}. */
export interface ConformanceOptions extends Selection, IdempotencyOptions, JudgingOptions {
  /**
   * Valid requests for routes of the service. For all other routes, the kit generates requests from the schemas. Default: `GET
   * /`.
   */
  requests?: readonly RequestOptions[] | undefined
  /** Whether the `requests` may get a status code that is not 2xx. Default: `false`: such a response fails the test. */
  allowUnsuccessful?: boolean | undefined
  /** Returns additional header fields for each well-formed request, such as a signature. */
  headers?: HeadersHook | undefined
  /** How many probes to send at a time. Default: 8. */
  concurrency?: number | undefined
  /** The maximum duration of one exchange, in milliseconds. Does not apply to slow probes. Default: 5000. */
  timeout?: number | undefined
}

/**
 * Tests a service: starts it on a free port, sends every probe, and reports
 * the results to the test runner. In tap and node:test, each probe is a
 * subtest with the id of the probe. In vitest, which has no subtests, the test
 * fails with a summary. Closes the service at the end, unless it was listening
 * before.
 *
 * The kit takes the header, the status codes and the path of the outcome routes
 * from the service. It also derives probes from the routes of the service, if you
 * import the kit before you create the service. These probes call the routes
 * with valid inputs, POST and DELETE included. So use a service whose data you
 * can lose, or exclude routes with `skip`.
 *
 * The test fails if one of the `requests` does not get a 2xx, or if nothing
 * could be tested: for example, because each request needs credentials.
 *
 * @param t the context of a test of tap, node:test or vitest
 * @param app the Fastify instance to test
 * @param options the requests to send, the probes to select, and the options of the contract
 * @throws {TypeError} if an option is invalid, or differs from the option of the service
 * @throws {AssertionError} if probes found violations, and the test runner has no subtests
 */
export async function conformance (t: Suite, app: Service, options: ConformanceOptions = {}): Promise<void> {
  checkConformanceOptions(options)
  const { requests = [], allowUnsuccessful = false, header, statusCodes, headers, concurrency = 8, timeout = 5000 } = options
  const reporter = createReporter(t, getCalls(conformance))
  resolveContract(undefined, { header, statusCodes })
  const wasListening = app.server.listening
  if (!wasListening) await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    const { address, port } = app.server.address() as { address: string, port: number }
    const target: Target = {
      scheme: app.initialConfig.https ? 'https' : 'http',
      authority: `${address.includes(':') ? `[${address}]` : address}:${port}`,
      host: address,
      port,
      base: '',
      // Test services often have self-signed certificates.
      tls: { rejectUnauthorized: false },
      // Read the contract after listen(), which runs the plugins that are not loaded yet.
      contract: resolveContract(findContract(app), { header, statusCodes }),
      requests: requests.length > 0 ? requests : [{ url: '/' }],
      headers,
      timeout,
      coverage: { areDeclared: requests.length > 0, allowUnsuccessful }
    }
    const protocols = await detectProtocols(target)
    // The probes of the routes come last, because a valid request can change the state of the service.
    const routes = getRecordedRoutes(app)
    if (routes === undefined) await reporter.comment('No probes for the routes: import fastify-reason-phrase/conformance before you create the service')
    const more = [
      ...createIdempotencyProbes(completeIdempotency(options, routes ?? []), protocols[0]!),
      ...createRouteProbes(routes ?? [], app, target, protocols)
    ]
    const probes = selectProbes(target, protocols, more, options)
    for await (const result of runProbes(target, probes, concurrency)) await reporter.report(result)
    reporter.end()
  } finally {
    if (!wasListening) await app.close()
  }
}

/** Returns the lines of the current stack trace, starting with the caller of the given function. */
function getCalls (callee: (...args: any[]) => unknown): string {
  const trace = { stack: '' }
  Error.captureStackTrace(trace, callee)
  return trace.stack.slice(trace.stack.indexOf('\n') + 1)
}

function createRouteProbes (routes: readonly RouteOptions[], app: Service, target: Target, protocols: readonly Protocol[]): Probe[] {
  const resolve: ResolveRef = ref => app.getSchema(ref.replace(/#$/, '')) as Schema | undefined
  const bodyLimit = app.initialConfig.bodyLimit!
  return deriveRequests(routes, target.requests, resolve, bodyLimit).map(({ id, texts, request, isValid }): Probe => protocols.includes('http/1.1')
    ? probeRequest(id, texts, () => request, isValid ? { origin: 'schema' } : {})
    : probeHttp2(id, texts, 1, async target => [await toHttp2Request(target, request)], { group: 'routes', ...isValid && { origin: 'schema' } }))
}
