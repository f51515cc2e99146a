import t from 'tap'
import { Contract, type ContractOptions } from '../../lib/contract.js'

/** Returns the error that a contract with these options throws; undefined if it throws none. */
function errorOf (options: unknown): { name: string, message: string } | undefined {
  try {
    Reflect.construct(Contract, [options])
    return undefined
  } catch (error) {
    const { name, message } = error as Error
    return { name, message }
  }
}

t.test('has the defaults without options', async t => {
  for (const contract of [
    new Contract(),
    new Contract({}),
    new Contract({ header: undefined, statusCodes: undefined, exposeServerErrors: undefined, challenge: undefined, requestId: undefined }),
    new Contract({ requestId: false })
  ]) {
    t.equal(contract.header, 'EB-REASON-PHRASE')
    t.equal(contract.field, 'eb-reason-phrase')
    t.equal(contract.exposeServerErrors, false)
    t.equal(contract.challenge, 'HMAC')
    t.equal(contract.requestId, undefined)
    t.strictSame(contract.exposedHeaders.map(({ header }) => header), ['EB-REASON-PHRASE', 'Retry-After', 'Location', 'Idempotent-Replayed', 'Idempotency-Status'])
    t.strictSame([...contract.phrases.keys()], [400, 401, 403, 404, 422, 500, 501, 503])
  }
})

t.test('applies every option', async t => {
  const contract = new Contract({
    header: 'X-Reason',
    statusCodes: { 404: 'No Such Thing', 429: 'Too Many Requests', 599: 'x'.repeat(128) },
    exposeServerErrors: true,
    challenge: 'HMAC realm="topics", Bearer',
    requestId: 'X-Trace'
  })
  t.equal(contract.header, 'X-Reason')
  t.equal(contract.field, 'x-reason')
  t.equal(contract.exposeServerErrors, true)
  t.equal(contract.challenge, 'HMAC realm="topics", Bearer')
  t.strictSame(contract.requestId, { header: 'X-Trace', field: 'x-trace' })
  t.strictSame(new Contract({ requestId: true }).requestId, { header: 'x-request-id', field: 'x-request-id' })
  t.strictSame(contract.exposedHeaders.slice(0, 2), [{ header: 'X-Reason', field: 'x-reason' }, { header: 'X-Trace', field: 'x-trace' }])
  t.strictSame([...contract.exposedFields].slice(0, 3), ['x-reason', 'x-trace', 'retry-after'])
  t.equal(contract.phrases.get(404), 'No Such Thing')
  t.equal(contract.phrases.get(429), 'Too Many Requests')
  t.equal(contract.phrases.get(599), 'x'.repeat(128))
  t.equal(contract.phrases.size, 10)
  t.equal(new Contract().phrases.get(404), 'Not Found', 'other contracts keep the default')
})

t.test('throws for an option with an invalid value', async t => {
  const phrase = (code: number): string => `statusCodes[${code}] must be a phrase of 1 to 128 printable ASCII characters`
  const table = 'statusCodes must be an object, such as { 429: \'Too Many Requests\' }'
  const keys = 'statusCodes must have keys from 400 to 599'

  for (const [options, rule, value] of [
    [{ header: null }, 'header must be a string', 'null'],
    [{ header: 5 }, 'header must be a string', '5'],
    [{ header: ['EB-REASON-PHRASE'] }, 'header must be a string', "[ 'EB-REASON-PHRASE' ]"],
    [{ header: '' }, 'header must be a valid header name', "''"],
    [{ header: 'EB REASON' }, 'header must be a valid header name', "'EB REASON'"],
    [{ header: ':status' }, 'header must be a valid header name', "':status'"],
    [{ header: 'x:' }, 'header must be a valid header name', "'x:'"],
    [{ header: 'x\r\ny' }, 'header must be a valid header name', "'x\\r\\ny'"],
    [{ header: 'Grund-é' }, 'header must be a valid header name', "'Grund-é'"],

    [{ statusCodes: null }, table, 'null'],
    [{ statusCodes: 429 }, table, '429'],
    [{ statusCodes: 'Too Many Requests' }, table, "'Too Many Requests'"],
    [{ statusCodes: ['Too Many Requests'] }, table, "[ 'Too Many Requests' ]"],
    [{ statusCodes: new Map([[429, 'Too Many Requests']]) }, table, "Map(1) { 429 => 'Too Many Requests' }"],
    [{ statusCodes: { 200: 'OK' } }, keys, "'200'"],
    [{ statusCodes: { '4e2': 'x' } }, keys, "'4e2'"],
    [{ statusCodes: { 399: 'x' } }, keys, "'399'"],
    [{ statusCodes: { 600: 'x' } }, keys, "'600'"],
    [{ statusCodes: { '-404': 'x' } }, keys, "'-404'"],
    [{ statusCodes: { 404.5: 'x' } }, keys, "'404.5'"],
    [{ statusCodes: { '': 'x' } }, keys, "''"],
    [{ statusCodes: { NaN: 'x' } }, keys, "'NaN'"],
    [{ statusCodes: { Infinity: 'x' } }, keys, "'Infinity'"],
    [{ statusCodes: { tooManyRequests: 'x' } }, keys, "'tooManyRequests'"],
    [{ statusCodes: { 429: undefined } }, phrase(429), 'undefined'],
    [{ statusCodes: { 429: 429 } }, phrase(429), '429'],
    [{ statusCodes: { 429: { phrase: { text: 'x' } } } }, phrase(429), '{ phrase: [Object] }'],
    [{ statusCodes: { 429: '' } }, phrase(429), "''"],
    [{ statusCodes: { 429: ' ' } }, phrase(429), "' '"],
    [{ statusCodes: { 429: ' x' } }, phrase(429), "' x'"],
    [{ statusCodes: { 429: 'a  b' } }, phrase(429), "'a  b'"],
    [{ statusCodes: { 429: 'a\r\nb' } }, phrase(429), "'a\\r\\nb'"],
    [{ statusCodes: { 429: 'Zu große Zahl' } }, phrase(429), "'Zu große Zahl'"],
    [{ statusCodes: { 429: 'x'.repeat(129) } }, phrase(429), `'${'x'.repeat(129)}'`],
    [{ statusCodes: { 429: 'x'.repeat(513) } }, phrase(429), `'${'x'.repeat(513)}'`],
    [{ statusCodes: { 429: 'Too Many Requests', 451: '' } }, phrase(451), "''"],

    [{ exposeServerErrors: 1 }, 'exposeServerErrors must be a boolean', '1'],
    [{ exposeServerErrors: 'true' }, 'exposeServerErrors must be a boolean', "'true'"],
    [{ exposeServerErrors: null }, 'exposeServerErrors must be a boolean', 'null'],

    [{ requestId: null }, 'requestId must be a boolean or the name of a header', 'null'],
    [{ requestId: 1 }, 'requestId must be a boolean or the name of a header', '1'],
    [{ requestId: '' }, 'requestId must be a valid header name', "''"],
    [{ requestId: 'x id' }, 'requestId must be a valid header name', "'x id'"],
    [{ requestId: 'Retry-After' }, 'requestId must be a header that has no other meaning', "'Retry-After'"],
    [{ requestId: 'Content-Id' }, 'requestId must be a header that has no other meaning', "'Content-Id'"],
    [{ requestId: '__proto__' }, 'requestId must be a header that has no other meaning', "'__proto__'"],
    [{ requestId: 'eb-reason-phrase' }, 'requestId must be another header than the option header', "'eb-reason-phrase'"],
    [{ requestId: true, header: 'X-Request-ID' }, 'requestId must be another header than the option header', 'true'],

    [{ challenge: null }, 'challenge must be a WWW-Authenticate challenge', 'null'],
    [{ challenge: ['HMAC'] }, 'challenge must be a WWW-Authenticate challenge', "[ 'HMAC' ]"],
    [{ challenge: '' }, 'challenge must be a WWW-Authenticate challenge', "''"],
    [{ challenge: ' \t' }, 'challenge must be a WWW-Authenticate challenge', "' \\t'"],
    [{ challenge: 'HMAC\r\nSet-Cookie: a=b' }, 'challenge must be a valid header value', "'HMAC\\r\\nSet-Cookie: a=b'"],
    [{ challenge: 'HMAC\0' }, 'challenge must be a valid header value', "'HMAC\\x00'"],
    [{ challenge: 'HMAC realm="Тема"' }, 'challenge must be a valid header value', "'HMAC realm=\"Тема\"'"]
  ] as const) {
    const message = `fastify-reason-phrase: option ${rule}, not ${value}`
    t.strictSame(errorOf(options), { name: 'TypeError', message }, message)
  }
})

t.test('throws for an unknown option', async t => {
  const known = 'The options are header, statusCodes, exposeServerErrors, challenge and requestId'
  for (const [options, problem] of [
    [{ headers: 'EB-REASON-PHRASE' }, '"headers"; did you mean "header"?'],
    [{ header: 'EB-REASON-PHRASE', statuscodes: {} }, '"statuscodes"; did you mean "statusCodes"?'],
    [{ expose: undefined }, '"expose"; did you mean "exposeServerErrors"?']
  ] as const) {
    const message = `fastify-reason-phrase: unknown option ${problem} ${known}`
    t.strictSame(errorOf(options), { name: 'TypeError', message }, message)
  }
})

t.test('throws for a header that has another meaning', async t => {
  for (const header of [
    'Connection', 'Date', 'Keep-Alive', 'Set-Cookie', 'Upgrade', 'WWW-Authenticate', 'HTTP2-Settings', 'Proxy-Connection', 'TE',
    'Retry-After', 'Allow', 'Location', 'Vary', 'Access-Control-Allow-Origin',
    'Content-Length', 'Content-Reason', 'ETag', 'Last-Modified', 'Accept-Ranges', 'Transfer-Encoding', 'Trailer'
  ]) {
    for (const name of [header, header.toLowerCase(), header.toUpperCase()]) {
      const message = `fastify-reason-phrase: option header must be a header that has no other meaning, not '${name}'`
      t.strictSame(errorOf({ header: name }), { name: 'TypeError', message }, message)
    }
  }
})

t.test('throws for a header with the name of an object property', async t => {
  for (const header of ['constructor', 'toString', '__proto__']) {
    t.strictSame(errorOf({ header }), { name: 'TypeError', message: `fastify-reason-phrase: option header must be a header that has no other meaning, not '${header}'` })
  }
})

t.test('throws unless the options are a plain object', async t => {
  for (const [options, value] of [
    [['EB-REASON-PHRASE'], "[ 'EB-REASON-PHRASE' ]"],
    [new Map(), 'Map(0) {}'],
    [() => {}, '[Function (anonymous)]'],
    ['EB-REASON-PHRASE', "'EB-REASON-PHRASE'"],
    [null, 'null']
  ] as const) {
    t.strictSame(errorOf(options), { name: 'TypeError', message: `fastify-reason-phrase: options must be a plain object, not ${value}` })
  }
  t.doesNotThrow(() => new Contract(Object.create(null)))
})

t.test('changes a status code outside the table to the x00 of its class', async t => {
  const contract = new Contract()
  for (const [code, normalized] of [
    [400, 400], [401, 401], [403, 403], [404, 404], [422, 422], [500, 500], [501, 501], [503, 503],
    [402, 400], [408, 400], [409, 400], [413, 400], [414, 400], [415, 400], [418, 400], [429, 400], [431, 400], [499, 400],
    [502, 500], [504, 500], [505, 500], [599, 500], [600, 500], [999, 500]
  ] as const) t.equal(contract.normalizeStatusCode(code), normalized, `${code} to ${normalized}`)
})

t.test('keeps a status code that the option statusCodes adds', async t => {
  const contract = new Contract({ statusCodes: { 429: 'Too Many Requests', 504: 'Gateway Timeout' } })
  for (const [code, normalized] of [[429, 429], [504, 504], [428, 400], [502, 500], [404, 404]] as const) {
    t.equal(contract.normalizeStatusCode(code), normalized, `${code} to ${normalized}`)
  }
  t.equal(new Contract().normalizeStatusCode(429), 400, 'another contract changes it to 400')
})

t.test('sends the message as ASCII text', async t => {
  const contract = new Contract()
  t.equal(contract.reasonFor(404, 'No such topic'), 'No such topic')
  t.equal(contract.reasonFor(404, ' Тема\r\nне найдена '), 'Tema ne naydena')
  t.equal(contract.reasonFor(404, 'x'.repeat(600)), 'x'.repeat(512))
})

t.test('sends the phrase of the status code if the message has no text', async t => {
  const contract = new Contract({ statusCodes: { 404: 'No Such Thing', 429: 'Too Many Requests' } })
  for (const message of ['', ' ', '\r\n\0', '\u200b', '\ud800']) {
    t.equal(contract.reasonFor(422, message), 'Unprocessable Entity')
    t.equal(contract.reasonFor(404, message), 'No Such Thing')
    t.equal(contract.reasonFor(429, message), 'Too Many Requests')
  }
})

t.test('is equal to a contract with equivalent options', async t => {
  const statusCodes = { 429: 'Too Many Requests', 451: 'Unavailable For Legal Reasons' }
  for (const [one, other] of [
    [undefined, {}],
    [{}, { header: 'EB-REASON-PHRASE', statusCodes: {}, exposeServerErrors: false, challenge: 'HMAC', requestId: false }],
    [{ requestId: true }, { requestId: 'x-request-id' }],
    [{}, { statusCodes: { 404: 'Not Found' } }],
    [{ statusCodes }, { statusCodes: { 451: statusCodes[451], 429: statusCodes[429] } }]
  ] as const) {
    t.equal(new Contract(one).equals(new Contract(other)), true, `${JSON.stringify(one)} and ${JSON.stringify(other)}`)
    t.equal(new Contract(other).equals(new Contract(one)), true, 'equality is symmetric')
  }
})

t.test('is not equal to a contract that differs in an option', async t => {
  const all: ContractOptions[] = [
    {},
    { header: 'X-Reason' },
    { header: 'eb-reason-phrase' },
    { statusCodes: { 404: 'No Such Thing' } },
    { statusCodes: { 429: 'Too Many Requests' } },
    { statusCodes: { 429: 'Slow Down' } },
    { statusCodes: { 451: 'Too Many Requests' } },
    { exposeServerErrors: true },
    { challenge: 'Bearer' },
    { requestId: true },
    { requestId: 'X-Request-ID' }
  ]
  for (const one of all) {
    for (const other of all) {
      t.equal(new Contract(one).equals(new Contract(other)), one === other, `${JSON.stringify(one)} and ${JSON.stringify(other)}`)
    }
  }
})

t.test('finds the options that differ between two contracts, with both values', async t => {
  const statusCodes = { 429: 'Too Many Requests' }
  const differences = (one: ContractOptions, other: ContractOptions) => new Contract(one).findDifferences(new Contract(other))
  t.strictSame(differences({ header: 'X-A', statusCodes, challenge: 'Bearer' }, { header: 'X-B', challenge: 'Bearer' }), [
    { name: 'header', values: ['X-A', 'X-B'] },
    { name: 'statusCodes', values: [statusCodes, {}] }
  ])
  t.strictSame(differences({}, { exposeServerErrors: true, header: undefined }), [{ name: 'exposeServerErrors', values: [false, true] }])
  t.strictSame(differences({ statusCodes }, { statusCodes: { ...statusCodes } }), [])
  t.strictSame(differences({ statusCodes: { 404: 'Not Found' }, challenge: 'Bearer' }, {}), [{ name: 'challenge', values: ['Bearer', 'HMAC'] }], 'equivalent options do not differ')
})
