import { EventEmitter, once } from 'node:events'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { mock } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { discard, isWebResponse, readStart } from '../../lib/body.js'

/** The maximum number of bytes that are read from a body. */
const READ_LIMIT_BYTES = 64 * 1024

/** How long a body may stall before the bytes that have arrived are used. */
const READ_TIMEOUT_MS = 1000

/** Returns a web stream that pulls each chunk on demand, and the state of its source. */
function source (chunks: Iterable<unknown>, cancel: () => void = () => {}) {
  const iterator = chunks[Symbol.iterator]()
  const state = { pulled: 0, cancelled: false }
  const body = new ReadableStream({
    pull (controller) {
      const { done, value } = iterator.next()
      if (done) {
        controller.close()
      } else {
        state.pulled++
        controller.enqueue(value)
      }
    },
    cancel () {
      state.cancelled = true
      return cancel()
    }
  }, { highWaterMark: 0 })
  return { body, state }
}

function * endless (size: number): Generator<Uint8Array> {
  while (true) yield new Uint8Array(size).fill(0x78)
}

function fail (): never {
  throw new Error('it broke')
}

const bytesOf = async (body: Parameters<typeof readStart>[0]) => (await readStart(body)).bytes

/** Reads a body that stalls. The read timeout passes at once. */
async function withoutWaiting<Body, Result> (t: Test, read: (body: Body) => Promise<Result>, body: Body): Promise<Result> {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const reading = read(body)
  // The chunks that are there already are read first.
  await setImmediate()
  mock.timers.tick(READ_TIMEOUT_MS)
  mock.timers.reset()
  return await reading
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

t.test('isWebResponse', async t => {
  t.test('returns true for a fetch Response of any implementation', async t => {
    class Foreign {
      get [Symbol.toStringTag] () { return 'Response' }
    }
    for (const response of [new Response(), new Response('x', { status: 404 }), Response.json({}), Response.error(), new Foreign()]) {
      t.equal(isWebResponse(response), true)
    }
  })

  t.test('returns false for everything else', async t => {
    for (const value of [
      undefined, null, '', '[object Response]', 404, Response, {}, { status: 404, body: null }, new Error('x'), new Request('http://localhost/'),
      new Response('x').body, Buffer.from('x'), Object.assign(() => {}, { [Symbol.toStringTag]: 'Response' })
    ]) t.equal(isWebResponse(value), false)
  })
})

t.test('discard', async t => {
  t.test('ignores values that have nothing to close', async t => {
    for (const body of [undefined, null, '', 'text', 42, true, Symbol('x'), {}, [], Buffer.from('x'), Object.create(null)]) {
      t.doesNotThrow(() => discard(body))
    }
  })

  t.test('closes the source of a stream', async t => {
    let closed = false
    const stream = new Readable({
      read () {},
      destroy (error, done) {
        closed = true
        done(error)
      }
    })
    discard(stream)
    t.equal(closed, true)
    t.equal(stream.destroyed, true)
    await once(stream, 'close')
  })

  t.test('closes a file that is open', async t => {
    const stream = createReadStream(join(t.testdir({ body: 'text' }), 'body'))
    await once(stream, 'open')
    discard(stream)
    await once(stream, 'close')
    t.equal(stream.closed, true)
    t.equal((stream as unknown as { fd: unknown }).fd, null)
  })

  t.test('closes the streams that are piped into a stream', async t => {
    const first = new Readable({ read () {} })
    const second = new PassThrough()
    discard(first.pipe(second).pipe(new PassThrough()))
    await once(first, 'close')
    t.equal(second.destroyed, true)
  })

  t.test('reads the request of a server to its end, instead of destroying it, when it is piped into the stream', async t => {
    const request = new IncomingMessage(new Socket())
    request.push('x')
    const through = request.pipe(new PassThrough())
    discard(through)
    await once(through, 'close')
    t.equal(request.destroyed, false)
    t.equal(request.readableFlowing, true)
  })

  t.test('closes a stream that fails while it closes', async t => {
    const missing = createReadStream(join(t.testdir({}), 'missing'))
    const broken = new Readable({ read () {}, destroy (_error, done) { done(new Error('it broke')) } })
    const throwing = new Readable({ read () {}, destroy: fail })
    for (const stream of [missing, broken, throwing]) {
      discard(stream)
      // Not events.once(): it would listen for the error itself.
      await new Promise<void>(resolve => { stream.on('close', resolve) })
      t.equal(stream.destroyed, true)
    }
    t.match(missing.errored, { code: 'ENOENT' })
    t.match(broken.errored, { message: 'it broke' })
    t.match(throwing.errored, { message: 'it broke' })
  })

  t.test('leaves a failed or closed stream as it is', async t => {
    const failed = new Readable({ read () {} })
    const error = new Error('it broke')
    failed.destroy(error)
    discard(failed)
    const [emitted] = await new Promise<unknown[]>(resolve => { failed.on('error', (...args) => { resolve(args) }) })
    t.equal(emitted, error)
    t.equal(failed.errored, error)

    const closed = Readable.from(['x'])
    closed.destroy()
    await once(closed, 'close')
    discard(closed)
    discard(closed)
    t.equal(closed.destroyed, true)
  })

  t.test('closes the source of a web stream', async t => {
    const { body, state } = source(['x'])
    discard(body)
    t.equal(state.cancelled, true)
    t.equal((await body.getReader().read()).done, true)
  })

  t.test('closes the source of the body of a Response', async t => {
    const { body, state } = source(['x'])
    discard(new Response(body).body)
    t.equal(state.cancelled, true)
  })

  t.test('closes a web stream that fails while it closes', async t => {
    const { body, state } = source([], fail)
    discard(body)
    await setImmediate()
    t.equal(state.cancelled, true)
  })

  t.test('leaves a web stream that has another reader', async t => {
    const { body, state } = source([new Uint8Array([0x78])])
    const reader = body.getReader()
    discard(body)
    await setImmediate()
    t.equal(state.cancelled, false)
    t.equal(textOf((await reader.read()).value), 'x')
  })
})

t.test('readStart', async t => {
  t.test('reads a short body in full', async t => {
    t.equal(textOf(await bytesOf(new Response('No such topic').body)), 'No such topic')
    t.equal(textOf(await bytesOf(new Response('').body)), '')
    t.equal(textOf(await bytesOf(source(['No ', 'such ', 'topic'].map(text => Buffer.from(text))).body)), 'No such topic', 'reads several chunks')
    t.equal(textOf(await bytesOf(source([...Buffer.from('Тема')].map(byte => Uint8Array.of(byte))).body)), 'Тема', 'reads byte by byte')
  })

  t.test('returns no bytes without a body', async t => {
    t.equal((await bytesOf(null)).byteLength, 0)
    t.equal((await bytesOf(new Response(null, { status: 404 }).body)).byteLength, 0)
    t.equal((await bytesOf(source([]).body)).byteLength, 0)
  })

  t.test('reads chunks of text as well', async t => {
    t.equal(textOf(await bytesOf(source(['Те', 'ма', Buffer.from('!')]).body)), 'Тема!')
  })

  t.test('reads the start of an endless body, and closes its source', async t => {
    for (const size of [1024, 1000, READ_LIMIT_BYTES, READ_LIMIT_BYTES - 1, READ_LIMIT_BYTES + 1, 10 * READ_LIMIT_BYTES]) {
      const { body, state } = source(endless(size))
      const { byteLength } = await bytesOf(body)
      t.ok(byteLength > READ_LIMIT_BYTES, `more than 64 KiB in chunks of ${size}, to show that there is more`)
      t.ok(byteLength - size <= READ_LIMIT_BYTES, 'reads at most one chunk more than the limit')
      t.equal(state.pulled, byteLength / size, 'pulls no more chunks than it returns')
      t.equal(state.cancelled, true)
    }
  })

  t.test('reads a body of 64 KiB in full', async t => {
    const { body, state } = source([new Uint8Array(READ_LIMIT_BYTES - 1), new Uint8Array(1)])
    t.equal((await bytesOf(body)).byteLength, READ_LIMIT_BYTES)
    t.equal(state.pulled, 2)
  })

  t.test('returns the bytes that arrive before a body fails', async t => {
    const { body } = source((function * () {
      yield Buffer.from('No such topic')
      fail()
    })())
    t.equal(textOf(await bytesOf(body)), 'No such topic')
    t.equal((await bytesOf(source((function * () { fail() })()).body)).byteLength, 0)
  })

  t.test('returns the bytes that arrive before a chunk that is not data, and closes the source', async t => {
    const { body, state } = source([Buffer.from('No such topic'), 42, Buffer.from('!')])
    t.equal(textOf(await bytesOf(body)), 'No such topic')
    t.equal(state.cancelled, true)
  })

  t.test('returns the bytes of a body that fails while it closes', async t => {
    const { body, state } = source(endless(READ_LIMIT_BYTES + 1), fail)
    t.equal((await bytesOf(body)).byteLength, READ_LIMIT_BYTES + 1)
    await setImmediate()
    t.equal(state.cancelled, true)
  })

  t.test('returns no bytes of a body that has another reader', async t => {
    const { body, state } = source([Buffer.from('x')])
    const reader = body.getReader()
    t.equal((await bytesOf(body)).byteLength, 0)
    t.equal(state.cancelled, false)
    t.equal(textOf((await reader.read()).value), 'x')

    const response = new Response('x')
    await response.text()
    t.equal((await bytesOf(response.body)).byteLength, 0, 'returns no bytes of a body that was read before')
  })
})

t.test('readStart returns the bytes of a body that stalls, and closes it', async t => {
  let cancelled = false
  const stalling = new ReadableStream<Uint8Array>({
    start (controller) { controller.enqueue(Buffer.from('a start')) },
    cancel () { cancelled = true }
  })
  const reading = withoutWaiting(t, bytesOf, stalling)
  t.equal(Buffer.from(await reading).toString(), 'a start')
  t.equal(cancelled, true)
})

t.test('readStart with a stream of Node', async t => {
  t.test('reads a short stream in full', async t => {
    t.strictSame(await readStart(Readable.from(['No ', Buffer.from('such '), 'topic'])), { bytes: Buffer.from('No such topic'), isCut: false })
    t.strictSame(await readStart(Readable.from([])), { bytes: Buffer.alloc(0), isCut: false })
  })

  t.test('reads the start of an endless stream, and closes it', async t => {
    const stream = Readable.from(endless(1000))
    const { bytes, isCut } = await readStart(stream)
    t.equal(bytes.byteLength, 66_000)
    t.equal(isCut, true)
    t.equal(stream.destroyed, true)
  })

  t.test('closes the source of a stream when it reads only the start of the stream', async t => {
    const source = Readable.from(endless(1000))
    const { isCut } = await readStart(source.pipe(new PassThrough()))
    t.equal(isCut, true)
    if (!source.closed) await once(source, 'close')
    t.equal(source.destroyed, true)
  })

  t.test('returns the bytes that arrive before a stream fails or stalls', async t => {
    const failing = Readable.from((async function * () { yield 'a start'; throw new Error('it broke') })())
    const stalling = new Readable({ read () {} })
    stalling.push('a start')
    for (const stream of [failing, stalling]) {
      t.strictSame(await withoutWaiting(t, readStart, stream), { bytes: Buffer.from('a start'), isCut: true })
      t.equal(stream.destroyed, true)
    }
  })

  t.test('returns no bytes of a failed stream, or of a stream that can only be piped', async t => {
    const failed = new Readable().on('error', () => {}).destroy(new Error('it broke'))
    t.strictSame(await readStart(failed), { bytes: Buffer.alloc(0), isCut: true })
    const old = Object.assign(new EventEmitter(), { pipe () {}, destroyed: false, destroy () { this.destroyed = true } })
    t.strictSame(await readStart(old as never), { bytes: Buffer.alloc(0), isCut: true })
    t.equal(old.destroyed, true)
  })
})

t.test('readStart returns whether a web stream was cut', async t => {
  t.equal((await readStart(new Response('x').body)).isCut, false)
  t.equal((await readStart(source(endless(READ_LIMIT_BYTES + 1)).body)).isCut, true)
  t.equal((await readStart(source((function * () { fail() })()).body)).isCut, true)
})
