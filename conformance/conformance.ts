import { Contract } from '../lib/contract.js'
import { toHttp2Request } from './exchange/http2.js'
import { detectProtocols, type Protocol } from './exchange/protocols.js'
import type { HeadersHook, RequestOptions } from './exchange/request.js'
import { createIdempotencyProbes, type IdempotencyOptions } from './probes/idempotency.js'
import { probeHttp2, probeRequest, type Probe } from './probes/probe.js'
import { deriveRequests } from './probes/routes.js'
import type { ResolveRef, Schema } from './probes/schema-values.js'
import { selectProbes, type Selection } from './probes/select.js'
import { getRecordedRoutes } from './recorded-routes.js'
import { describeResult, formatViolation } from './report.js'
import { runProbes } from './run-probes.js'
import type { Target } from './target.js'

/** The methods of a tap test that the kit uses. */
export interface Suite {
  test (name: string, run: (t: Suite) => void): unknown
  /** @param extra `skip` is why a probe could not test the service */
  pass (message: string, extra: any): unknown
  fail (message: string, extra: any): unknown
  comment (message: string): unknown
}

/** The members of a Fastify instance that the kit uses. */
export interface Service {
  readonly server: { readonly listening: boolean, address: () => unknown }
  readonly initialConfig: { readonly https?: unknown, readonly bodyLimit?: number }
  listen (options: { port: number, host: string }): PromiseLike<unknown>
  close (): PromiseLike<unknown>
  getSchema (id: string): unknown
}

/** The options of {@link conformance}. */
export interface ConformanceOptions extends Selection, IdempotencyOptions {
  /** Requests that the service responds to. For other routes, the kit generates requests from the schemas. Default: GET of the root. */
  requests?: readonly RequestOptions[] | undefined
  /** The name of the header that carries the message. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Status codes from 400 to 599, with their phrases, that extend the table. Default: none. */
  statusCodes?: Record<number, string> | undefined
  /** Whether the `requests` may be answered with a status code that is not 2xx. Default: `false`, so that such an answer fails the test. */
  allowUnsuccessful?: boolean | undefined
  /** Returns additional header fields for each well-formed request, such as a signature. */
  headers?: HeadersHook | undefined
  /** How many probes to send at a time. Default: 8. */
  concurrency?: number | undefined
  /** The most milliseconds for one exchange. Does not apply to slow probes. Default: 5000. */
  timeout?: number | undefined
}

/**
 * Tests a service: starts it on a free port, sends every probe, and reports
 * each probe as a subtest with the id of the probe. Closes the service at the
 * end, unless it was listening before.
 *
 * The kit also derives probes from the routes of the service. To do so, it must
 * be imported before the service is created. These probes call the routes with
 * valid inputs, so use a service whose data you can lose.
 *
 * The test fails if one of the `requests` is not answered 2xx, or if nothing
 * could be tested: for example, if each request needs credentials.
 *
 * @throws {TypeError} if an option is invalid
 */
export async function conformance (t: Suite, app: Service, options: ConformanceOptions = {}): Promise<void> {
  const { requests = [], allowUnsuccessful = false, header, statusCodes, headers, concurrency = 8, timeout = 5000 } = options
  const contract = new Contract({ header, statusCodes })
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
      contract,
      requests: requests.length > 0 ? requests : [{ url: '/' }],
      headers,
      timeout,
      coverage: { areDeclared: requests.length > 0, allowUnsuccessful }
    }
    const protocols = await detectProtocols(target)
    // The probes of the routes come last, because a valid request can change the state of the service.
    const more = [...createIdempotencyProbes(options, protocols[0]!), ...createRouteProbes(t, app, target, protocols)]
    const probes = selectProbes(target, protocols, more, options)
    for await (const result of runProbes(target, probes, concurrency)) {
      t.test(result.probe.id, t => {
        if (result.violations.length === 0) t.pass(result.probe.requires, { skip: result.skipped })
        for (const violation of result.violations) {
          // The stack trace would only show this module.
          t.fail(formatViolation(violation), { ...describeResult(result), stack: '', at: null })
        }
        (t as { end?: () => void }).end?.()
      })
    }
  } finally {
    if (!wasListening) await app.close()
  }
}

function createRouteProbes (t: Suite, app: Service, target: Target, protocols: readonly Protocol[]): Probe[] {
  const routes = getRecordedRoutes(app)
  if (routes === undefined) {
    t.comment('No probes for the routes: import fastify-reason-phrase/conformance before you create the service')
    return []
  }
  const resolve: ResolveRef = ref => app.getSchema(ref.replace(/#$/, '')) as Schema | undefined
  const bodyLimit = app.initialConfig.bodyLimit!
  return deriveRequests(routes, target.requests, resolve, bodyLimit).map(({ id, texts, request, isValid }): Probe => protocols.includes('http/1.1')
    ? probeRequest(id, texts, () => request, isValid ? { origin: 'schema' } : {})
    : probeHttp2(id, texts, 1, async target => [await toHttp2Request(target, request)], { group: 'routes', ...isValid && { origin: 'schema' } }))
}
