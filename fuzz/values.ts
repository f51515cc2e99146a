import { Readable } from 'node:stream'
import fc from 'fast-check'

/**
 * The description of a value. Each run creates the value from its description, because fast-check prints its
 * inputs, and printing some of the values throws.
 */
export type Value =
  | { kind: 'text', text: string }
  | { kind: 'long', text: string, times: number }
  | { kind: 'bytes', bytes: number[] }
  | { kind: 'plain', value: unknown }
  | { kind: 'hostile', name: string }
  | { kind: 'error', message: Value, fields: Record<string, unknown>, hostile?: [field: string, name: string] }
  | { kind: 'object', fields: Record<string, Value> }

const fail = (): never => { throw new Error('a getter throws') }
const all = (handler: () => unknown): ProxyHandler<object> => Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map(name => [name, handler])
)

const HOSTILE: Record<string, () => unknown> = {
  symbol: () => Symbol('a symbol'),
  'symbol without a description': () => Symbol(), // eslint-disable-line symbol-description
  bigint: () => 10n ** 400n,
  function: () => function named () {},
  'async function': () => async () => {},
  class: () => class {},
  'revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'revoked proxy of a function': () => {
    const { proxy, revoke } = Proxy.revocable(() => {}, {})
    revoke()
    return proxy
  },
  'revoked proxy of an array': () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  },
  'proxy that throws': () => new Proxy({}, all(fail)),
  'proxy of an error that throws': () => new Proxy(new Error('inside'), { ...all(fail), getPrototypeOf: () => Error.prototype }),
  'proxy of itself': () => new Proxy({}, { get: (target, _name, receiver) => receiver ?? target }),
  'endless proxy': () => {
    const make = (): object => new Proxy(function () {}, { get: (_target, name) => name === 'then' ? undefined : make(), apply: make })
    return make()
  },
  'getter that throws': () => ({ get message () { return fail() }, get statusCode () { return fail() } }),
  'every getter throws': () => Object.defineProperties({}, Object.fromEntries(
    ['message', 'stack', 'name', 'code', 'cause', 'statusCode', 'status', 'headers', 'expose', 'isBoom', 'toJSON', 'pipe', 'getReader', 'buffer', 'then', 'error', 'errors', 'detail']
      .map(name => [name, { get: fail, enumerable: true }])
  )),
  'getter of a message': () => { let count = 0; return { get message () { return `said ${++count} times\r\nx: y` } } },
  'throwing toString': () => ({ toString: fail, valueOf: fail, toJSON: fail, [Symbol.toPrimitive]: fail }),
  'throwing toStringTag': () => ({ get [Symbol.toStringTag] () { return fail() } }),
  'function that throws as a text': () => Object.assign(() => {}, { toString: fail }),
  'null prototype': () => Object.assign(Object.create(null), { message: 'no prototype' }),
  circular: () => { const value: Record<string, unknown> = { message: 'round and round' }; value.value = value; value.error = value; return value },
  'error with a getter': () => Object.defineProperty(new Error('x'), 'message', { get: fail }),
  'error without a stack': () => { const error = new Error('no stack'); Object.defineProperty(error, 'stack', { get: fail }); return error },
  'error with every getter': () => Object.defineProperties(new Error('x'), Object.fromEntries(
    // Replace the stack first, because replacing it reads the other properties.
    ['stack', 'message', 'name', 'code', 'cause', 'statusCode', 'status', 'headers', 'expose', 'isBoom', 'output', 'validation', 'toJSON', 'type'].map(name => [name, { get: fail, enumerable: true }])
  )),
  'error that is its own cause': () => { const error = new Error('a cause'); error.cause = error; return error },
  'error with a symbol as its message': () => Object.assign(new Error('x'), { message: Symbol('m') }),
  'error with an object as its message': () => Object.assign(new Error('x'), { message: { toString: fail } }),
  'error of null': () => Object.setPrototypeOf(Object.create(null), Error.prototype),
  'aggregate error': () => new AggregateError([new Error('a'), null, Symbol('b')], 'several'),
  'frozen error': () => Object.freeze(new Error('frozen')),
  'frozen object': () => Object.freeze({ message: 'frozen' }),
  'a boom that is none': () => Object.assign(new Error('boom'), { isBoom: true, output: null }),
  'a boom of nonsense': () => Object.assign(new Error('boom'), { isBoom: true, output: { statusCode: 'x', headers: 7 } }),
  'a boom with a bad header': () => Object.assign(new Error('boom'), { isBoom: true, output: { statusCode: 404, headers: { 'x y': 'a\r\nb' } } }),
  'thenable that throws': () => ({ get then () { return fail() } }),
  'thenable that rejects': () => ({ then (_resolve: unknown, reject: (error: unknown) => void) { reject(new Error('rejected')) } }),
  'tagged as a Response': () => ({ [Symbol.toStringTag]: 'Response' }),
  'tagged as a Response, with a status': () => ({ [Symbol.toStringTag]: 'Response', status: 422, headers: [], body: null }),
  'tagged as a Response, with nonsense': () => ({ [Symbol.toStringTag]: 'Response', status: 422, headers: [['x y', 'a\r\nb']], body: { getReader: fail } }),
  'Response with a body that fails': () => new Response(new ReadableStream({ pull (controller) { controller.error(new Error('it fails')) } }), { status: 422 }),
  'Response with a locked body': () => { const response = new Response('locked', { status: 422 }); response.body!.getReader(); return response },
  'Response of an error': () => Response.error(),
  'stream that fails': () => new Readable({ read () { this.destroy(new Error('it fails')) } }),
  'stream that is over': () => Readable.from([]).destroy(),
  'stream that fails as it closes': () => new Readable({ read () { this.push('again and again') }, destroy (_error, done) { done(new Error('it fails')) } }),
  'pipe that is none': () => ({ pipe: fail }),
  'reader that is none': () => ({ getReader: fail, cancel: fail }),
  'locked web stream': () => { const stream = new ReadableStream(); stream.getReader(); return stream },
  'shared bytes': () => new Uint8Array(new SharedArrayBuffer(8)),
  'detached bytes': () => { const bytes = new Uint8Array(8); structuredClone(bytes, { transfer: [bytes.buffer] }); return bytes },
  'array buffer': () => new TextEncoder().encode('{"message":"in a buffer"}').buffer,
  'data view': () => new DataView(new ArrayBuffer(4)),
  'array of holes': () => new Array(50),
  'deep array': () => { let value: unknown = []; for (let depth = 0; depth < 20_000; depth++) value = [value]; return value },
  'deep JSON': () => '['.repeat(50_000),
  'invalid date': () => new Date(NaN),
  'regular expression': () => /x/y,
  generator: () => (function * () { yield 1 })(),
  arguments: () => (function () { return arguments })(),
  global: () => globalThis
}

/** Strings of all kinds, mostly characters with a meaning in HTTP, JSON or terminals. */
const character = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }) },
  { weight: 2, arbitrary: fc.nat(0xffff).map(unit => String.fromCharCode(unit)) },
  { weight: 1, arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }).map(unit => String.fromCharCode(unit)) },
  { weight: 2, arbitrary: fc.nat(0xff).map(unit => String.fromCharCode(unit)) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '\r\n', '\r', '\n', '\0', '\t', '\v', '\f', '\x1b[31m', '\x7f', '\x85', '\xa0', '\u2028', '\u2029', '\ufeff', '\u200b', '\u200e', '\u200f', '\u202e', '\u2066',
      '\r\n\r\n', '\r\nx-injected: 1', '\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 OK', '\r\nEB-REASON-PHRASE: another', '\u010d\u010a', '\u560d\u560a',
      'é', 'ß', '日本', 'שלום', '👩‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'Z͑ͫ̓ͪ̂ͫ̽', '\ud800', '\udc00', '\u{10ffff}', '\ufffe', '\ufffd', 'ﷺ', 'ㅤ',
      '<', '<html>', '{', '[', '"', '{"message":"', '"}', 'null', '0', '%0d%0a', '%', '\\', '$&', '${', '{{', '__proto__', ' ', '  ', ': ', ', ', '-', '/', 'a'.repeat(128), 'b'.repeat(511)
    )
  }
)

const text: fc.Arbitrary<Value> = fc.array(character, { maxLength: 40, size: 'max' }).map(parts => ({ kind: 'text', text: parts.join('') }))
const limit: fc.Arbitrary<Value> = fc.tuple(character, fc.constantFrom(126, 127, 128, 129, 510, 511, 512, 513, 4095, 4096, 4097, 65535, 65536, 65537), character)
  .map(([before, count, after]) => ({ kind: 'text', text: before + 'a'.repeat(count) + after }))
const long: fc.Arbitrary<Value> = fc.record({
  kind: fc.constant('long' as const),
  text: character,
  times: fc.nat(10 * 1024 * 1024)
})
const bytes: fc.Arbitrary<Value> = fc.array(fc.nat(255), { maxLength: 300, size: 'max' }).map(bytes => ({ kind: 'bytes', bytes }))
const plain: fc.Arbitrary<Value> = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withTypedArray: true, withSparseArray: true, withBoxedValues: true, withObjectString: true, maxDepth: 2 })
  .map(value => ({ kind: 'plain', value }))
const hostile: fc.Arbitrary<Value> = fc.constantFrom(...Object.keys(HOSTILE)).map(name => ({ kind: 'hostile', name }))

const leaf = fc.oneof({ weight: 10, arbitrary: text }, { weight: 2, arbitrary: limit }, { weight: 2, arbitrary: bytes }, { weight: 3, arbitrary: plain }, { weight: 6, arbitrary: hostile })

const strangeStatus = fc.oneof(
  fc.integer({ min: 400, max: 599 }),
  fc.constantFrom(0, -1, 100, 101, 199, 200, 204, 304, 399, 400.5, 599.9, 600, 700, 999, 1000, 1e9, NaN, Infinity, '404', '4xx', '', null, true, [404], {})
)
const fieldsOfErrors = fc.record({
  statusCode: strangeStatus,
  status: strangeStatus,
  expose: fc.constantFrom(true, false, 'yes', 1),
  code: fc.constantFrom('FST_ERR_VALIDATION', 'E', 7, null),
  validation: fc.constantFrom([], [{}], [{ message: 'x', instancePath: '' }], 'x', null),
  validationContext: fc.constantFrom('body', 'x\r\ny', null),
  headers: fc.oneof(
    fc.constantFrom(null, 7, 'x', [], {}, { 'x y': 'z' }, { 'x-a': 'b\r\nc: d' }, { 'content-length': '5' }, { 'transfer-encoding': 'chunked' }, { 'content-type': 'text/html' }, { connection: 'close' }, { 'www-authenticate': '' }, { 'x-a': undefined }, { 'x-a': Symbol('x') }, { 'EB-Reason-Phrase': 'carried' }, { 'eb-reason-phrase': ['a', 'b\r\nc'] }, { 'set-cookie': ['a=1', 'b=2'] }),
    fc.dictionary(fc.constantFrom('x-a', 'date', 'eb-reason-phrase', 'trailer', 'etag', 'x:y', ''), fc.string({ unit: 'binary', maxLength: 5 }), { maxKeys: 2 })
  ),
  type: fc.constantFrom('text', 'x'),
  cause: fc.constantFrom(null, 'x', new Error('a cause')),
  isBoom: fc.boolean(),
  output: fc.record({ statusCode: strangeStatus, headers: fc.constantFrom({}, { 'x-a': 'b' }, { 'x-a': 'ü\n' }, null) })
}, { requiredKeys: [] })

const error: fc.Arbitrary<Value> = fc.record({
  kind: fc.constant('error' as const),
  message: leaf,
  fields: fieldsOfErrors,
  hostile: fc.option(fc.tuple(
    fc.constantFrom('statusCode', 'status', 'headers', 'expose', 'code', 'validation', 'cause', 'name', 'stack', 'output', 'toJSON', 'extra'),
    fc.constantFrom(...Object.keys(HOSTILE))
  ), { nil: undefined, freq: 5 })
})
const object: fc.Arbitrary<Value> = fc.record({
  kind: fc.constant('object' as const),
  fields: fc.dictionary(fc.constantFrom('message', 'detail', 'error_description', 'title', 'error', 'errors', 'statusCode', 'status', '__proto__', 'toJSON'), leaf, { maxKeys: 4 })
})

/** Any value that a handler can use as a message, throw or send. */
export const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 30, arbitrary: leaf },
  { weight: 10, arbitrary: error },
  { weight: 5, arbitrary: object }
)

/** The same values, and rarely a string of up to ten million characters. */
export const valueOfAnySize: fc.Arbitrary<Value> = fc.oneof({ weight: 4000, arbitrary: value }, { weight: 1, arbitrary: long })

/** Creates the value for a description. */
export function makeValue (value: Value): unknown {
  switch (value.kind) {
    case 'text': return value.text
    case 'long': return value.text.repeat(Math.floor(value.times / value.text.length))
    case 'bytes': return Buffer.from(value.bytes)
    case 'plain': return value.value
    case 'hostile': return HOSTILE[value.name]!()
    case 'object': return Object.fromEntries(Object.entries(value.fields).map(([name, field]) => [name, makeValue(field)]))
    case 'error': {
      const error = new Error('of the error')
      // Node computes the stack at the first access. Read it before a hostile field replaces a property that this needs.
      error.stack = String(error.stack)
      Object.assign(error, value.fields)
      const set = (name: string, made: unknown): void => { Object.defineProperty(error, name, { value: made, writable: true, configurable: true, enumerable: name !== 'message' && name !== 'stack' }) }
      set('message', makeValue(value.message))
      if (value.hostile !== undefined) set(value.hostile[0], HOSTILE[value.hostile[1]]!())
      return error
    }
  }
}

/** Returns the length of the longest string in a value. */
export function lengthOf (value: Value): number {
  switch (value.kind) {
    case 'long': return value.times
    case 'object': return Math.max(0, ...Object.values(value.fields).map(lengthOf))
    case 'error': return Math.max(lengthOf(value.message), value.hostile === undefined ? 0 : lengthOf({ kind: 'hostile', name: value.hostile[1] }))
    default: return textOf(makeValue(value)).length
  }
}

/** Converts any value to a string, as a caller would do. */
export function textOf (made: unknown): string {
  try {
    return made instanceof Uint8Array ? Buffer.from(made).toString('latin1') : String(made)
  } catch {
    return 'no text'
  }
}

/** Converts any value to bytes. */
export function bytesOf (made: unknown): Buffer {
  try {
    if (made instanceof Uint8Array) return Buffer.from(made)
  } catch {}
  return Buffer.from(textOf(made))
}
