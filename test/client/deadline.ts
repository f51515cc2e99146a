import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { createClient } from '../../client/index.js'
import { createDeadline } from '../../client/deadline.js'
import { echo, serve, serveBytes } from './fixtures/servers.js'

const silent = (t: Test, onRequest = () => {}) => serveBytes(t, socket => { socket.once('data', onRequest) })
const halfway = (t: Test) => serveBytes(t, socket => {
  socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
})

t.test('timeout', async t => {
  const timedOut = { outcome: 'unknown', reason: 'No response within 50 ms', cause: { name: 'TimeoutError' } }

  t.test('returns unknown if there is no response in time', async t => {
    const result = await createClient({ baseUrl: await silent(t), timeout: 50 })('GET', '/')
    t.match(result, timedOut)
    t.notOk('status' in result)
  })

  t.test('returns unknown with the status code if the body does not end in time', async t => {
    const fetch = async () => new Response(new ReadableStream({ start (controller) { controller.enqueue(Buffer.from('half')) } }))
    t.match(await createClient({ baseUrl: 'http://127.0.0.1', timeout: 50, fetch })('GET', '/'), { ...timedOut, status: 200 })
  })

  t.test('ends the call even if fetch ignores the signal', async t => {
    t.match(await createClient({ baseUrl: 'http://127.0.0.1', timeout: 50, fetch: () => new Promise(() => {}) })('GET', '/'), timedOut)
  })

  t.test('closes the connection', async t => {
    let closed
    const baseUrl = await serveBytes(t, socket => { closed = once(socket.resume(), 'close').then(() => true) })
    await createClient({ baseUrl, timeout: 50 })('POST', '/', { body: 'a' })
    t.equal(await closed, true)
  })

  t.test('does nothing if the call ends in time', async t => {
    const client = createClient({ baseUrl: await serve(t, echo), timeout: 2 ** 31 - 1 })
    t.match(await client('GET', '/'), { outcome: 'success' })
    t.match(await client('GET', '/'), { outcome: 'success' })
  })
})

t.test('signal', async t => {
  t.test('returns rejected and sends nothing if it is already aborted', async t => {
    const client = createClient({ baseUrl: 'http://127.0.0.1', fetch: async () => t.fail('a request was sent') as never })
    const result = await client('GET', '/', { signal: AbortSignal.abort() })
    t.match(result, { outcome: 'rejected', reason: 'This operation was aborted', cause: { name: 'AbortError' } })
    t.notOk('status' in result)
  })

  t.test('returns rejected and sends nothing if it aborts during signing', async t => {
    const client = createClient({ baseUrl: 'http://127.0.0.1', key: { id: 'dev', secret: 'hush' }, fetch: async () => t.fail('a request was sent') as never })
    const controller = new AbortController()
    const result = client('POST', '/', { body: 'a', signal: controller.signal })
    controller.abort(new Error('the user left'))
    t.match(await result, { outcome: 'rejected', reason: 'the user left' })
  })

  t.test('returns unknown if it aborts after the request was sent', async t => {
    const controller = new AbortController()
    const baseUrl = await silent(t, () => controller.abort('no more'))
    const result = await createClient({ baseUrl })('POST', '/', { body: 'a', signal: controller.signal })
    t.strictSame(result, { outcome: 'unknown', reason: 'no more', cause: 'no more' })
  })

  t.test('returns unknown with the status code if it aborts while the body arrives', async t => {
    const controller = new AbortController()
    const baseUrl = await halfway(t)
    const send: typeof fetch = async (request, init) => {
      const response = await fetch(request, init)
      setImmediate(() => controller.abort())
      return response
    }
    t.match(await createClient({ baseUrl, fetch: send })('GET', '/', { signal: controller.signal }), { outcome: 'unknown', status: 200, cause: { name: 'AbortError' } })
  })

  t.test('does nothing if it aborts after the call', async t => {
    const controller = new AbortController()
    const client = createClient({ baseUrl: await serve(t, echo) })
    t.match(await client('GET', '/', { signal: controller.signal }), { outcome: 'success' })
    controller.abort()
    t.match(await client('GET', '/'), { outcome: 'success' })
  })
})

t.test('clear() stops listening to the signal and the timer', async t => {
  const controller = new AbortController()
  const { signal, clear } = createDeadline(controller.signal, 60_000)
  clear()
  controller.abort()
  t.equal(signal.aborted, false)
})

t.test('frees the requests of ended calls', async t => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const key = { id: 'a', secret: 'b' }
  for (const [title, options] of Object.entries({ 'without retries': {}, 'with retries': { retry: {} } })) {
    await t.test(title, async t => {
      const sent: WeakRef<Request>[] = []
      async function fetch (request: Request) {
        sent.push(new WeakRef(request))
        return new Response('{}')
      }
      const client = createClient({ baseUrl: 'http://127.0.0.1', key, timeout: 1000, fetch, ...options })
      for (let call = 0; call < 50; call++) await client('POST', '/', { body: { call } })
      for (let round = 0; round < 5; round++) {
        await sleep(1)
        collectGarbage()
      }
      const held = sent.filter(reference => reference.deref() !== undefined).length
      t.ok(held < 10, `${held} of 50 requests are held`)
    })
  }
})
