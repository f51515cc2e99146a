import t from 'tap'
import { isExposedError, messageFromBody, messageFromError, decodeStart } from '../../lib/message.js'

/** The maximum number of bytes that are read from a body. */
const READ_LIMIT_BYTES = 64 * 1024

function hostile (): never {
  throw new Error('do not touch')
}

/** Objects that throw when a property is read. */
const hostiles: Array<[name: string, value: object]> = [
  ['a getter that throws', { get message () { return hostile() } }],
  ['an error with a getter that throws', Object.defineProperty(new Error('x'), 'message', { get: hostile })],
  ['a proxy that throws', new Proxy({}, { get: hostile, has: hostile, getPrototypeOf: hostile, ownKeys: hostile })],
  ['a proxy of bytes', new Proxy(Buffer.from('text'), {})],
  ['a revoked proxy', (() => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  })()]
]

t.test('messageFromError', async t => {
  t.test('returns the message of an error', async t => {
    t.equal(messageFromError(new Error('No such topic')), 'No such topic')
    t.equal(messageFromError(new TypeError('x is undefined', { cause: new Error('y') })), 'x is undefined')
    t.equal(messageFromError(new AggregateError([new Error('y')], 'several')), 'several')
    t.equal(messageFromError(new Error('')), '')
    t.equal(messageFromError(new DOMException('gone', 'AbortError')), 'gone', 'a message of the prototype')
  })

  t.test('returns the message of any object', async t => {
    t.equal(messageFromError({ message: 'No such topic' }), 'No such topic')
    t.equal(messageFromError(Object.assign(Object.create(null), { message: 'No such topic' })), 'No such topic', 'an object without a prototype')
    t.equal(messageFromError(new Proxy(new Error('No such topic'), {})), 'No such topic', 'a proxy')
  })

  t.test('returns any other thrown value as text', async t => {
    t.equal(messageFromError('No such topic'), 'No such topic')
    t.equal(messageFromError(42), '42')
    t.equal(messageFromError(0), '0')
    t.equal(messageFromError(42n), '42')
    t.equal(messageFromError(false), 'false')
    t.equal(messageFromError(Symbol('topic')), 'Symbol(topic)')
    t.match(messageFromError(() => 'topic'), 'topic')
  })

  t.test('returns an empty text without a message', async t => {
    for (const value of [undefined, null, '', {}, [], Object.create(null), new Date(0), { message: 42 }, { message: null }, { message: { text: 'x' } }]) {
      t.equal(messageFromError(value), '')
    }
  })

  t.test('returns an empty text if reading the message throws', async t => {
    for (const [name, value] of hostiles) t.equal(messageFromError(value), '', name)
    t.equal(messageFromError(Object.assign(() => {}, { toString: hostile })), '', 'a function whose toString() throws')
    t.equal(messageFromError(Object.assign(() => {}, { toString: () => ({}) })), '', 'a function whose toString() returns an object')
  })

  t.test('returns the message unchanged and in full', async t => {
    const message = `é\r\n${'x'.repeat(10 * 1024 * 1024)}`
    t.equal(messageFromError(new Error(message)) === message, true)
    t.equal(messageFromError(message) === message, true)
  })
})

t.test('messageFromBody', async t => {
  // The same bytes, also in a view that is not a Buffer.
  const forms: Array<[name: string, of: (value: unknown) => string | Uint8Array]> = [
    ['JSON', value => JSON.stringify(value)],
    ['indented JSON', value => `\r\n ${JSON.stringify(value, null, 2)}\n`],
    ['JSON after a byte order mark', value => `\ufeff${JSON.stringify(value)}`],
    ['JSON in a Buffer', value => Buffer.from(JSON.stringify(value))],
    ['JSON after a byte order mark in a Buffer', value => Buffer.from(`\ufeff${JSON.stringify(value)}`)],
    ['JSON within other bytes', value => {
      const bytes = new TextEncoder().encode(`<${JSON.stringify(value)}>`)
      return bytes.subarray(1, -1)
    }]
  ]

  for (const [form, of] of forms) {
    t.test(`returns the message of ${form}`, async t => {
      for (const [name, value, message] of [
        ['message', { message: 'No such topic' }, 'No such topic'],
        ['not ASCII', { message: 'Тема 🚌' }, 'Тема 🚌'],
        ['with line breaks', { message: 'one\r\ntwo' }, 'one\r\ntwo'],
        ['Fastify', { statusCode: 404, error: 'Not Found', message: 'No such topic' }, 'No such topic'],
        ['Fastify, with a code', { statusCode: 400, code: 'FST_ERR_VALIDATION', error: 'Bad Request', message: 'body must be object' }, 'body must be object'],
        ['RFC 9457 with detail', { type: 'about:blank', title: 'Not Found', status: 404, detail: 'No such topic' }, 'No such topic'],
        ['RFC 9457 with title alone', { type: 'about:blank', title: 'Not Found', status: 404 }, 'Not Found'],
        ['OAuth', { error: 'invalid_grant', error_description: 'The code has expired' }, 'The code has expired'],
        ['OAuth without description', { error: 'invalid_grant' }, 'invalid_grant'],
        ['GraphQL', { data: null, errors: [{ message: 'Cannot query field', locations: [{ line: 1 }] }, { message: 'other' }] }, 'Cannot query field'],
        ['JSON:API', { errors: [{ status: '422', title: 'Invalid Attribute', detail: 'Name is taken' }] }, 'Name is taken'],
        ['an error as an object', { error: { code: 404, message: 'No such topic' } }, 'No such topic'],
        ['an error as an object of RFC 9457', { error: { title: 'Not Found', detail: 'No such topic' } }, 'No such topic'],
        ['errors as strings', { errors: ['No such topic', 'other'] }, 'No such topic'],
        ['an error that says nothing before errors', { error: {}, errors: [{ message: 'No such topic' }] }, 'No such topic'],
        ['an empty field', { message: '', detail: '', title: 'Not Found' }, 'Not Found'],
        ['a field of another type', { message: { text: 'x' }, detail: 404, title: 'Not Found' }, 'Not Found'],
        ['a field that is missing', { message: null, error: 'Not Found' }, 'Not Found']
      ] as const) t.equal(messageFromBody(of(value)), message, name)
    })

    t.test(`returns nothing for ${form} without a message`, async t => {
      for (const value of [
        {}, [], null, 42, true, { code: 404 }, { message: 42 }, { message: '' }, { error: true }, { error: 404 }, { error: null },
        { error: { code: 404 } }, { errors: [] }, { errors: [404] }, { errors: [null] }, { errors: { message: 'x' } }, { errors: 'x' },
        [{ message: 'x' }], ['x'], { data: { message: 'x' } }, ''
      ]) t.equal(messageFromBody(of(value)), '', JSON.stringify(value))
    })
  }

  t.test('reads the fields of an object in the order of precedence', async t => {
    const fields = ['message', 'detail', 'error_description', 'title', 'error']
    const body = Object.fromEntries(fields.toReversed().map(field => [field, `the ${field}`]))
    for (const field of fields) {
      t.equal(messageFromBody(JSON.stringify(body)), `the ${field}`)
      delete body[field]
    }
  })

  t.test('returns a text as it is', async t => {
    for (const text of [
      'No such topic', 'Тема\r\nне найдена', ' x ', '"topic" is taken', '[topic] is taken', '{topic} is taken', '{', '[1,', '"',
      'null and void', 'trueish', '404 Not Found', '1 < 2', 'a\0b'
    ]) t.equal(messageFromBody(text), text)
    for (const text of ['No such topic', 'Тема\r\nне найдена', ' x ', '"topic" is taken', '{', 'tab\tand\fform feed']) {
      t.equal(messageFromBody(Buffer.from(text)), text, 'also from a Buffer')
    }
    t.equal(messageFromBody(JSON.stringify('No such topic')), 'No such topic', 'a text in JSON without its quotes')
  })

  t.test('returns nothing for a text without content', async t => {
    for (const text of ['', 'null', 'true', 'false', '0', '404', '-1.5e+3', 'null\n', ' 404\r\n', '""', '{}', '[]']) {
      t.equal(messageFromBody(text), '', JSON.stringify(text))
      t.equal(messageFromBody(Buffer.from(text)), '', `${JSON.stringify(text)} in a Buffer`)
    }
  })

  t.test('returns nothing for HTML', async t => {
    for (const html of ['<!DOCTYPE html><title>Not Found</title>', '\r\n <html></html>', '<h1>Oops</h1>', '\ufeff<p>', '<?xml version="1.0"?><error/>']) {
      t.equal(messageFromBody(html), '', JSON.stringify(html))
      t.equal(messageFromBody(Buffer.from(html)), '', `${JSON.stringify(html)} in a Buffer`)
    }
  })

  t.test('returns nothing for binary data', async t => {
    for (const [name, bytes] of [
      ['PNG', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
      ['gzip', [0x1f, 0x8b, 0x08, 0x00]],
      ['a NUL', [0x61, 0x00, 0x62]],
      ['another control character', [0x61, 0x0e, 0x62]],
      ['UTF-16', [...Buffer.from('No such topic', 'utf16le')]],
      ['bytes that are not UTF-8', [0x61, 0xff, 0x62]],
      ['half a character', [0x61, 0xc3]],
      ['JSON with binary data', [...Buffer.from('{"message":"a\0b"}')]]
    ] as const) t.equal(messageFromBody(Uint8Array.from(bytes)), '', name)
  })

  t.test('returns a long text in full, and the start of long bytes', async t => {
    const long = `${'é'.repeat(5)}${'x'.repeat(10 * 1024 * 1024)}`
    t.equal(messageFromBody(long) === long, true, 'a text')
    const start = messageFromBody(Buffer.from(long))
    t.equal(start === long.slice(0, READ_LIMIT_BYTES - 5), true, 'bytes')
  })

  t.test('returns a long text whose bytes are cut in the middle of a character', async t => {
    for (const char of ['é', '€', '🚌']) {
      const bytes = Buffer.byteLength(char)
      for (let shift = 0; shift < bytes; shift++) {
        const text = 'x'.repeat(shift) + char.repeat(READ_LIMIT_BYTES)
        const whole = Math.floor((READ_LIMIT_BYTES - shift) / bytes)
        t.equal(messageFromBody(Buffer.from(text)) === 'x'.repeat(shift) + char.repeat(whole), true, `${char} after ${shift}`)
      }
    }
  })

  t.test('returns nothing for JSON that was cut, but a text that was cut', async t => {
    for (const [text, message] of [['{"message":"No such to', ''], ['{"message":"No such topic"}', ''], ['["No', ''], ['"No', ''], ['No such to', 'No such to']] as const) {
      t.equal(messageFromBody(Buffer.from(text), true), message, text)
    }
  })

  t.test('returns nothing for long JSON and HTML, without parsing', async t => {
    const json = (length: number): string => {
      const start = '{"message":"No such topic","rest":"'
      return `${start}${'x'.repeat(length - start.length - 2)}"}`
    }
    t.equal(messageFromBody(json(READ_LIMIT_BYTES)), 'No such topic', 'the longest JSON that is read')
    t.equal(messageFromBody(Buffer.from(json(READ_LIMIT_BYTES))), 'No such topic', 'the longest JSON that is read, in a Buffer')
    for (const length of [READ_LIMIT_BYTES + 1, READ_LIMIT_BYTES + 2, 10 * 1024 * 1024]) {
      for (const text of [json(length), `[${json(length - 2)}]`, JSON.stringify('x'.repeat(length - 2)), '<p>'.padEnd(length)]) {
        t.equal(messageFromBody(text), '', `${text[0]} of ${length}`)
        t.equal(messageFromBody(Buffer.from(text)), '', `${text[0]} of ${length} in a Buffer`)
      }
    }
    t.equal(messageFromBody('1'.repeat(10 * 1024 * 1024)), '', 'and a long number')
  })
})

t.test('decodeStart returns the trimmed start of a body as text', async t => {
  t.equal(decodeStart('\ufeff \r\n{ }\n'), '{ }')
  t.equal(decodeStart(Buffer.from('\ufeff \r\n{ }\n')), '{ }')
  t.equal(decodeStart('x'.repeat(2 * READ_LIMIT_BYTES)).length, READ_LIMIT_BYTES)
  t.equal(decodeStart(Buffer.alloc(2 * READ_LIMIT_BYTES, 'x')).length, READ_LIMIT_BYTES)
})

t.test('isExposedError returns whether the message of an error may be sent', async t => {
  t.equal(isExposedError(Object.assign(new Error('x'), { expose: true })), true)
  for (const value of [new Error('x'), { expose: 'true' }, undefined, null, 'expose']) t.equal(isExposedError(value), false)
  t.equal(isExposedError(new Proxy({}, { get: hostile })), false)
})
