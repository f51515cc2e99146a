import { createServer as createHttp2Server } from 'node:http2'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import * as undici from 'undici'
import { createClient, type ClientOptions, type RequestOptions, type Result } from '../../client/index.js'
import { trackSend } from '../../client/send-tracker.js'
import { closedPort } from '../fixtures/database.js'
import { dispatchWith } from './fixtures/dispatcher.js'

const refused = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED', syscall: 'connect' })

/** Starts a server that counts the requests, destroys the first connection, and refuses all others. */
async function flaky (t: Test): Promise<{ baseUrl: string, processed: () => number }> {
  let processed = 0
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      processed++
      server.close()
      socket.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, processed: () => processed }
}

/** Starts a server that counts the bytes it receives and never responds. It is closed when the test ends. */
async function silent (t: Test, onData: (socket: Socket) => void = () => {}): Promise<{ baseUrl: string, bytes: () => number }> {
  const sockets = new Set<Socket>()
  let bytes = 0
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      bytes += chunk.length
      onData(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bytes: () => bytes }
}

const retry = { maxRetries: 2, minTimeout: 1, methods: ['GET', 'POST', 'DELETE'] as undici.Dispatcher.HttpMethod[], errorCodes: ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'] }
const call = (options: ClientOptions, request?: RequestOptions): Promise<Result> => createClient({ timeout: 10_000, ...options })('POST', '/', request)

function isUnknown (t: Test, result: Result, expected: object = {}): void {
  t.match(result, { outcome: 'unknown', ...expected })
  t.notOk('status' in result)
  t.notOk('headers' in result)
}

t.test('returns unknown for an abort after fetch was called, with any reason', async t => {
  const error = refused()
  const reasons: Array<[title: string, reason: unknown]> = [
    ['the error of another call', error],
    ['the failure of another fetch', new TypeError('fetch failed', { cause: error })],
    ['the errors of several addresses', new AggregateError([error, error])],
    ['an object like an error', { code: 'ECONNREFUSED', syscall: 'connect', message: 'a' }],
    ['a frozen error', Object.freeze(refused())],
    ['a text', 'ECONNREFUSED'],
    ['null', null],
    ['an object without a prototype', Object.create(null)],
    ['the message of a port that fetch refuses', new Error('bad port')]
  ]
  for (const [title, reason] of reasons) {
    t.test(title, async t => {
      const controller = new AbortController()
      const { baseUrl } = await silent(t, () => controller.abort(reason))
      isUnknown(t, await call({ baseUrl }, { body: 'a', signal: controller.signal }), { cause: reason ?? null })
    })
  }

  t.test('before there is a connection', async t => {
    const controller = new AbortController()
    const result = call({ baseUrl: `http://127.0.0.1:${await closedPort()}` }, { signal: controller.signal })
    controller.abort(refused())
    isUnknown(t, await result)
  })
})

t.test('returns unknown for a request body that fails, with any error', async t => {
  const chunk = Buffer.from('a')
  const bodies: Record<string, (error: unknown) => object> = {
    'a stream, before its first chunk': error => new ReadableStream({ pull (controller) { controller.error(error) } }),
    'a stream that failed before': error => new ReadableStream({ start (controller) { controller.error(error) } }),
    'a stream, after its first chunk': error => {
      let pulled = 0
      return new ReadableStream({ pull (controller) { pulled++ ? controller.error(error) : controller.enqueue(chunk) } })
    },
    'an iterable, before its first chunk': error => (async function * () { throw error })(),
    'an iterable, after its first chunk': error => (async function * () {
      yield chunk
      await new Promise(resolve => setTimeout(resolve, 50))
      throw error
    })(),
    'a Blob': error => {
      class Broken extends Blob { override stream (): never { throw error } }
      return new Broken(['a'])
    }
  }
  for (const [title, body] of Object.entries(bodies)) {
    for (const error of [refused(), Object.assign(refused(), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), new TypeError('a', { cause: refused() }), new AggregateError([refused()]), new Error('bad port')]) {
      const { baseUrl } = await silent(t)
      const result = await call({ baseUrl }, { body: body(error) }).catch(error => error)
      // A Blob can throw before the request is created. Then nothing is sent, and the call rejects with that error.
      if (result === error) t.equal(title, 'a Blob')
      else isUnknown(t, result, { status: undefined })
    }
  }

  t.test('returns rejected for a stream if there is no connection', async t => {
    const body = new ReadableStream({ pull (controller) { controller.error(refused()) } })
    t.match(await call({ baseUrl: `http://127.0.0.1:${await closedPort()}` }, { body }), { outcome: 'rejected', reason: /^connect ECONNREFUSED/ })
  })
})

t.test('returns unknown if a request was processed and its last attempt was refused', async t => {
  const dispatchers: Record<string, () => undici.Dispatcher> = {
    RetryAgent: () => new undici.RetryAgent(new undici.Agent(), retry),
    'a composed retry': () => new undici.Agent().compose(undici.interceptors.retry(retry)),
    'a composed redirect and retry': () => new undici.Agent().compose(undici.interceptors.redirect(), undici.interceptors.retry(retry)),
    'a retry for each origin': () => new undici.Agent({ factory: (origin, options) => new undici.RetryAgent(new undici.Pool(origin, options), retry) as never }),
    'an agent that retries by itself' () {
      class Agent extends undici.Agent {
        override dispatch (options: undici.Dispatcher.DispatchOptions, handler: undici.Dispatcher.DispatchHandler): boolean {
          const dispatch = super.dispatch.bind(this)
          return super.dispatch(options, new undici.RetryHandler({ ...options, retryOptions: retry } as never, { dispatch, handler } as never) as never)
        }
      }
      return new Agent()
    }
  }
  for (const [title, make] of Object.entries(dispatchers)) {
    t.test(`with a retrying global dispatcher: ${title}`, async t => {
      dispatchWith(t, make())
      const { baseUrl, processed } = await flaky(t)
      isUnknown(t, await call({ baseUrl }), { reason: /ECONNREFUSED/ })
      t.equal(processed(), 1)
    })

    t.test(`with a fetch that uses a retrying dispatcher: ${title}`, async t => {
      const dispatcher = make()
      t.teardown(() => dispatcher.destroy())
      const { baseUrl, processed } = await flaky(t)
      const fetch: ClientOptions['fetch'] = ({ url, method }, init) => undici.fetch(url, { ...init, method, dispatcher }) as never
      isUnknown(t, await call({ baseUrl, fetch }), { reason: /ECONNREFUSED/ })
      t.equal(processed(), 1)
    })
  }

  const again: ClientOptions['fetch'] = async (request, init) => {
    const first = await fetch(request.clone(), init).catch(() => undefined)
    return first ?? await fetch(request, init)
  }

  t.test('with a fetch that retries', async t => {
    const { baseUrl, processed } = await flaky(t)
    isUnknown(t, await call({ baseUrl, fetch: again }, { body: 'a' }), { reason: /ECONNREFUSED/ })
    t.equal(processed(), 1)
  })

  t.test('with a patched global fetch that first calls another server', async t => {
    const { baseUrl, processed } = await flaky(t)
    const original = globalThis.fetch
    t.intercept(globalThis, 'fetch', {
      async value (input: Request, init: RequestInit) {
        await original(baseUrl, { method: 'POST' }).catch(() => {})
        return original(input, init)
      }
    })
    isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${await closedPort()}` }), { reason: /ECONNREFUSED/ })
    t.equal(processed(), 1)
  })
})

t.test('returns unknown with any dispatcher that is not a plain Agent', async t => {
  const port = await closedPort()
  const dispatchers: Record<string, () => undici.Dispatcher> = {
    RetryAgent: () => new undici.RetryAgent(new undici.Agent(), { ...retry, maxRetries: 0 }),
    'a composed retry': () => new undici.Agent().compose(undici.interceptors.retry({ ...retry, maxRetries: 0 })),
    ProxyAgent: () => new undici.ProxyAgent(`http://127.0.0.1:${port}`),
    EnvHttpProxyAgent: () => new undici.EnvHttpProxyAgent({ httpProxy: `http://127.0.0.1:${port}` })
  }
  for (const [title, make] of Object.entries(dispatchers)) {
    t.test(title, async t => {
      dispatchWith(t, make())
      isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${port}` }))
    })
  }

  t.test('with a proxy that cannot reach the server', async t => {
    const { baseUrl } = await silent(t, socket => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    dispatchWith(t, new undici.ProxyAgent({ uri: baseUrl, proxyTunnel: true }))
    isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${port}` }))
  })

  t.test('with a custom fetch whose source mentions undici', async t => {
    const { baseUrl, processed } = await flaky(t)
    const own: ClientOptions['fetch'] = async request => {
      await undici.fetch(baseUrl, { method: 'POST', headers: { 'user-agent': 'nodejs/undici' } }).catch(() => {})
      return await fetch(request)
    }
    isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${port}`, fetch: own }), { reason: /ECONNREFUSED/ })
    t.equal(processed(), 1)
  })

  t.test('with a custom fetch', async t => {
    isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${port}`, fetch: (request, init) => fetch(request, init) }), { reason: /ECONNREFUSED/ })
  })
})

t.test('returns rejected with an Agent of undici if no connection was made', async t => {
  dispatchWith(t, new undici.Agent({ connect: { timeout: 1000 }, pipelining: 3 }))
  for (const host of ['127.0.0.1', 'localhost']) {
    t.match(await call({ baseUrl: `http://${host}:${await closedPort()}` }, { body: 'a' }), { outcome: 'rejected', reason: /^connect ECONNREFUSED/ })
  }
  t.match(await call({ baseUrl: `http://127.0.0.1:${await closedPort()}`, fetch: globalThis.fetch }), { outcome: 'rejected' }, 'with fetch as an option')
})

t.test('returns unknown if a kept-alive connection is closed when it is used again', async t => {
  let requests = 0
  const { baseUrl } = await silent(t, socket => {
    if (requests++ === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  const client = createClient({ baseUrl })
  t.match(await client('GET', '/'), { outcome: 'success' })
  isUnknown(t, await client('GET', '/'))
  t.equal(requests, 2)
})

t.test('does not follow a redirect', async t => {
  const port = await closedPort()
  const { baseUrl } = await silent(t, socket => { socket.write(`HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`) })
  t.match(await call({ baseUrl }, { body: 'a' }), { outcome: 'unknown', status: 307 })
})

t.test('returns unknown if an HTTP/2 session is lost after the request', async t => {
  let streams = 0
  const server = createHttp2Server()
  server.on('stream', stream => {
    streams++
    server.close()
    stream.session!.destroy()
  }).on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  dispatchWith(t, new undici.Agent({ factory: (origin, options) => new undici.H2CClient(origin as string, options as never) as never }))
  isUnknown(t, await call({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
  t.ok(streams > 0)
})

t.test('trackSend()', async t => {
  t.test('finds the global dispatcher of undici 8', async t => {
    const announced: unknown[] = []
    class Agent { dispatch (_options: object, handler: any) { handler.onRequestStart('controller', 'context') } }
    t.intercept(process, 'versions', { value: { ...process.versions, undici: '8.0.0' } })
    const name = Symbol.for('undici.globalDispatcher.2')
    const before: unknown = Reflect.get(globalThis, name)
    Reflect.set(globalThis, name, new Agent())
    t.teardown(() => Reflect.set(globalThis, name, before))
    const tracker = trackSend(fetch)
    t.equal(tracker.mayHaveBeenSent, false)
    tracker.fetchOptions.dispatcher!.dispatch({}, { onRequestStart: (...values: unknown[]) => { announced.push(...values) } })
    t.equal(tracker.mayHaveBeenSent, true)
    t.strictSame(announced, ['controller', 'context'])
  })

  t.test('assumes outside of Node that the request was sent', async t => {
    for (const value of [undefined, {}, { versions: {} }]) {
      t.intercept(globalThis, 'process', { value })
      const tracker = trackSend(() => {})
      t.strictSame(tracker, { mayHaveBeenSent: true, fetchOptions: {} })
    }
  })
})
