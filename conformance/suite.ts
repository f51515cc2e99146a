import { Contract } from '../lib/contract.js'
import { plan, protocolsOf, type Selection } from './plan.js'
import { ask, stream, streams, type Probe } from './probe.js'
import { derive } from './probes/routes.js'
import { detailsOf, lineOf } from './report.js'
import type { HeadersHook, RequestOptions } from './request.js'
import { routesOf } from './routes.js'
import { run } from './run.js'
import type { Resolve, Schema } from './schema.js'
import type { Target } from './target.js'

/** What of a test of tap is used. */
export interface Suite {
  test (name: string, run: (t: Suite) => void): unknown
  pass (message: string): unknown
  fail (message: string, extra: any): unknown
  comment (message: string): unknown
}

/** What of a service, an instance of Fastify, is used. */
export interface Service {
  readonly server: { readonly listening: boolean, address: () => unknown }
  readonly initialConfig: { readonly https?: unknown, readonly bodyLimit?: number }
  listen (options: { port: number, host: string }): PromiseLike<unknown>
  close (): PromiseLike<unknown>
  getSchema (id: string): unknown
}

export interface ConformanceOptions extends Selection {
  /** Requests that the service answers; what has no request here is tried with examples of its schema. Default: GET of the root. */
  requests?: readonly RequestOptions[] | undefined
  /** The name of the header that carries the message. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Status codes from 400 to 599, with their phrases, that extend the table. Default: none. */
  statusCodes?: Record<number, string> | undefined
  /** Returns more header fields for each well-formed request, such as those of a signature. */
  headers?: HeadersHook | undefined
  /** How many probes are sent at a time. Default: 8. */
  concurrency?: number | undefined
  /** The most milliseconds that one exchange takes, but for the slow ones. Default: 5000. */
  timeout?: number | undefined
}

/**
 * Has a service listen on a port of its own, sends it every probe, and
 * reports each as a subtest that is named by its id. The service is closed
 * at the end, unless it listened before.
 *
 * Probes for the service's own routes are derived if this module was there
 * before the service was made. They send what the routes take: run it where
 * that does no harm.
 *
 * @throws {TypeError} for an option that cannot work
 */
export async function conformance (t: Suite, app: Service, options: ConformanceOptions = {}): Promise<void> {
  const { requests = [], header, statusCodes, headers, concurrency = 8, timeout = 5000 } = options
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
      // The certificate of a test is its own affair.
      tls: { rejectUnauthorized: false },
      contract,
      requests: requests.length > 0 ? requests : [{ url: '/' }],
      headers,
      timeout
    }
    const protocols = await protocolsOf(target)
    const probes = plan(target, protocols, derived(t, app, target, protocols), options)
    for await (const result of run(target, probes, concurrency)) {
      t.test(result.probe.id, t => {
        if (result.violations.length === 0) t.pass(result.probe.requires)
        for (const violation of result.violations) {
          // The stack would be that of this module.
          t.fail(lineOf(violation), { ...detailsOf(result), stack: '', at: null })
        }
        (t as { end?: () => void }).end?.()
      })
    }
  } finally {
    if (!wasListening) await app.close()
  }
}

function derived (t: Suite, app: Service, target: Target, protocols: ReadonlyArray<Probe['protocol']>): Probe[] {
  const routes = routesOf(app)
  if (routes === undefined) {
    t.comment('No probes for the routes: import fastify-reason-phrase/conformance before the service is made')
    return []
  }
  const resolve: Resolve = ref => app.getSchema(ref.replace(/#$/, '')) as Schema | undefined
  const limit = app.initialConfig.bodyLimit!
  return derive(routes, target.requests, resolve, limit).map(({ id, words, request }): Probe => protocols.includes('http/1.1')
    ? ask(id, words, () => request)
    : streams(id, words, 1, async target => [await stream(target, request)], { group: 'routes' }))
}
