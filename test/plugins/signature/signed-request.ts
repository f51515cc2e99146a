import t from 'tap'
import { assertInjectedError } from '../../fixtures/service.js'
import { sign, type Signing } from '../../fixtures/sign.js'
import { build, bytes, NOT_VALID, signedBytes } from '../../fixtures/signed-service.js'
import { exchange, assertErrorResponse, listen } from '../../fixtures/wire.js'

t.test('verifies the request of RFC 9421 appendix B.2.5', async t => {
  t.intercept(Date, 'now', { value: () => 1618884473_000 })
  const secret = Buffer.from('uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==', 'base64')
  const app = await build(t, { keys: id => id === 'test-shared-secret' ? { secret, permissions: [] } : undefined, required: ['date', '@authority', 'content-type'] }, {}, app => {
    app.post('/foo', async request => ({ key: request.key!.id, body: request.body }))
  })
  const port = await listen(t, app)
  const request = [
    'POST /foo?param=Value&Pet=dog HTTP/1.1',
    'Host: example.com',
    'Date: Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type: application/json',
    'Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length: 18',
    'Signature-Input: sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'Signature: sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
    '',
    '{"hello": "world"}'
  ].join('\r\n')
  t.same(JSON.parse((await exchange(port, request)).body), { key: 'test-shared-secret', body: { hello: 'world' } })
  assertErrorResponse(t, await exchange(port, request.replace('02:07:55', '02:07:56')), 401, NOT_VALID)
  assertErrorResponse(t, await exchange(port, request.replace('Host: example.com', 'Host: example.org')), 401, NOT_VALID)
  t.same((await exchange(port, request.replace('Host: example.com', 'Host: Example.COM:80'))).statusCode, 200)
})

t.test('takes the scheme and the authority from the request, and with trustProxy from the proxy', async t => {
  const values = (scheme: string, authority: string, target: string): Signing => ({
    components: ['"@method"', '"@path"', '"@query"', '"@scheme"', '"@authority"', '"@target-uri"', '"@request-target"'],
    values: { '"@scheme"': scheme, '"@authority"': authority, '"@target-uri"': `${scheme}://${authority}${target}`, '"@request-target"': target }
  })
  const forwarded = { 'x-forwarded-host': 'Api.Example.com:443', 'x-forwarded-proto': 'https' }
  const plain = await listen(t, await build(t))
  const proxied = await listen(t, await build(t, {}, { trustProxy: true }))
  const cases: Array<[port: number, host: string, signing: Signing, headers: Record<string, string>, statusCode: number]> = [
    [plain, 'example.com', values('http', 'example.com', '/any?a'), {}, 200],
    [plain, 'EXAMPLE.com:80', values('http', 'example.com', '/any?a'), {}, 200],
    [plain, 'example.com:443', values('http', 'example.com:443', '/any?a'), {}, 200],
    [plain, 'example.com:8080', values('http', 'example.com:8080', '/any?a'), {}, 200],
    [plain, '[::1]:80', values('http', '[::1]', '/any?a'), {}, 200],
    [plain, 'example.com', values('http', 'example.org', '/any?a'), {}, 401],
    [plain, 'example.com', values('https', 'example.com', '/any?a'), {}, 401],
    [plain, 'inner', values('https', 'api.example.com', '/any?a'), forwarded, 401],
    [plain, 'inner', values('http', 'inner', '/any?a'), forwarded, 200],
    [proxied, 'inner', values('https', 'api.example.com', '/any?a'), forwarded, 200],
    [proxied, 'inner', values('http', 'inner', '/any?a'), forwarded, 401],
    [proxied, 'inner', values('http', 'inner', '/any?a'), {}, 200],
    [proxied, 'inner', values('https', 'last.example', '/any?a'), { 'x-forwarded-host': 'first.example, last.example', 'x-forwarded-proto': 'http, https' }, 200]
  ]
  for (const [port, host, signing, headers, statusCode] of cases) {
    const response = await exchange(port, signedBytes('GET', '/any?a', undefined, signing, { host, ...headers }))
    t.equal(response.statusCode, statusCode, `${host} ${JSON.stringify(headers)}`)
    t.equal((await exchange(port, signedBytes('GET', '/any?a', undefined, {}, { host, ...headers }))).statusCode, 200, 'accepts a signature that covers none of these components')
  }
})

t.test('verifies a request target in absolute form', async t => {
  const port = await listen(t, await build(t, {}, {}, app => { app.get('/', async () => 'root') }))
  t.equal((await exchange(port, bytes('GET', 'http://a/any?b', sign('GET', '/any?b')))).statusCode, 200)
  t.equal((await exchange(port, signedBytes('GET', '/?x/any'))).body, 'root')
  assertErrorResponse(t, await exchange(port, bytes('GET', 'http://a?x/any', sign('GET', '/?x/any'))), 401, NOT_VALID)
})

t.test('verifies the values of fields with and without parameters (RFC 9421 section 2.1)', async t => {
  const port = await listen(t, await build(t))
  const components = (...more: string[]): string[] => ['"@method"', '"@path"', '"@query"', ...more]
  const dictionary = 'a=1,    b=2;x=1;y=2,   c=(a   b   c), d'
  const cases: Array<[component: string, value: string, lines: string, ok?: boolean]> = [
    ['"x-ows"', 'Leading and trailing whitespace.', 'X-OWS-Header: no\r\nX-OWS:   Leading and trailing whitespace.   \t \r\n'],
    ['"x-lines"', 'max-age=60, must-revalidate', 'x-lines: max-age=60\r\nX-Other: 1\r\nX-Lines:    must-revalidate\r\n'],
    ['"x-empty"', '', 'X-Empty: \r\n'],
    ['"x-nbsp"', '\u00a0a\u00a0', 'X-Nbsp: \u00a0a\u00a0\r\n'],
    ['"x-nbsp"', 'a', 'X-Nbsp: a\u00a0\r\n', false],
    ['"date"', 'one', 'Date: one\r\nDate: two\r\n', false],
    ['"date"', 'one, two', 'Date: one\r\nDate: two\r\n'],
    ['"cookie"', 'a=1; b=2', 'Cookie: a=1; b=2\r\n'],
    ['"example-dict"', dictionary, `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="a"', '1', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="b"', '2;x=1;y=2', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="c"', '(a b c)', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="d"', '?1', `Example-Dict:  ${dictionary}\r\n`],
    ['"priority";sf', 'u=1, i', 'Priority:  u=1,   i=?1\r\n'],
    ['"priority";sf', 'u=1, i', 'Priority:  u=1\r\nPriority: i\r\n'],
    ['"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:', 'Example-Header: value, with, lots\r\nExample-Header: of, commas\r\n'],
    ['"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:', 'Example-Header: value, with, lots, of, commas\r\n'],
    ['"x-latin";bs', ':6Q==:', 'X-Latin: \u00e9\r\n']
  ]
  const raw = (component: string, value: string, lines: string): Buffer => {
    const request = signedBytes('GET', '/any', undefined, { components: components(component), values: { [component]: value } }).toString('latin1')
    return Buffer.from(request.replace('\r\n\r\n', `\r\n${lines}\r\n`), 'latin1')
  }
  for (const [component, value, lines, ok = true] of cases) {
    const response = await exchange(port, raw(component, value, lines))
    t.equal(response.statusCode, ok ? 200 : 401, `${component} ${lines}`)
  }
  for (const [component, lines] of [
    ['"example-dict";key="e"', 'Example-Dict: a\r\n'], ['"example-dict";key=a', 'Example-Dict: a\r\n'], ['"example-dict";key="a"', 'Example-Dict: (((\r\n'], ['"example-dict";sf', 'Example-Dict: a\r\n'],
    ['"priority";sf', 'Priority: (\r\n'], ['"priority";sf;bs', 'Priority: a\r\n'], ['"priority";bs=1', 'Priority: a\r\n'], ['"priority";tr', 'Priority: a\r\n'], ['"priority";req', 'Priority: a\r\n'], ['"x-none"', 'X-Nones: a\r\n'], ['"x-none";bs', '']
  ]) {
    assertErrorResponse(t, await exchange(port, raw(component, '', lines)), 401, `The signature covers ${component}, but the request has no value for it`)
  }
})

t.test('verifies parameters of all types, strictly serialized (RFC 9421 section 2.5)', async t => {
  const port = await listen(t, await build(t))
  const components = ['"@method"', '"@path"', '"@query"']
  for (const parameters of [';ttl=60.0', ';a=1.5;b=0.0', ';at=@123;x=1', ';name=%"%c3%a9%0a"', ';t=a/b', ';b=:AQI=:', ';y;n=?0']) {
    t.equal((await exchange(port, signedBytes('GET', '/any', undefined, { parameters }))).statusCode, 200, parameters)
  }
  const dictionary = 'a=1.0,  b=01.50;q=2.00, c=(1.0 @5;d=3.0), d=@7;e=%"%61"'
  for (const [component, value, line] of [
    ['"example-dict";key="a"', '1.0', 'Example-Dict'], ['"example-dict";key="b"', '1.5;q=2.0', 'Example-Dict'], ['"example-dict";key="c"', '(1.0 @5;d=3.0)', 'Example-Dict'], ['"example-dict";key="d"', '@7;e=%"a"', 'Example-Dict'],
    ['"priority";sf', 'a=1.0, b=1.5;q=2.0, c=(1.0 @5;d=3.0), d=@7;e=%"a"', 'Priority']
  ]) {
    const signing = { components: [...components, component], values: { [component]: value } }
    t.equal((await exchange(port, signedBytes('GET', '/any', undefined, signing, { [line]: dictionary }))).statusCode, 200, component)
  }
  const nested = ['"signature-input";key="other"', '"content-digest";key="x"']
  const values = { '"signature-input";key="other"': '("@method");ttl=1.0', '"content-digest";key="x"': '2.0' }
  const fields = sign('GET', '/any', undefined, { components: [...components, ...nested], values })
  t.equal((await exchange(port, bytes('GET', '/any', { ...fields, 'signature-input': `${fields['signature-input']}, other=("@method");ttl=1.00`, 'content-digest': 'x=2.00' }))).statusCode, 401, 'rejects a covered Content-Digest that is not the digest of the empty body')
  const covered = { components: [...components, nested[0]], values }
  const good = sign('GET', '/any', undefined, covered)
  t.equal((await exchange(port, bytes('GET', '/any', { ...good, 'signature-input': `${good['signature-input']}, other=("@method");ttl=1.00` }))).statusCode, 200)
})

t.test('reads each header line and the query once', async t => {
  let reads = 0
  let parses = 0
  const counted = (lines: string[]): string[] => new Proxy(lines, { get: (target, key) => { if (/^\d+$/.test(String(key))) reads++; return Reflect.get(target, key) } })
  const app = await build(t, {}, { rewriteUrl: (raw: { url: string, rawHeaders: string[] }) => { raw.rawHeaders = counted(raw.rawHeaders); return raw.url } })
  // Send one request first, because it loads modules that use URLSearchParams in Node 26.
  await app.inject('/any')
  const { URLSearchParams } = globalThis
  t.teardown(() => { globalThis.URLSearchParams = URLSearchParams })
  globalThis.URLSearchParams = class extends URLSearchParams { constructor (init?: string) { super(init); parses++ } } as typeof URLSearchParams
  const created = Math.floor(Date.now() / 1000)
  const required = '"@method" "@path" "@query"'
  const each = (count: number, component: (i: number) => string): string => Array.from({ length: count }, (_, i) => component(i)).join(' ')
  const eight = (components: string): Record<string, string> => ({
    'signature-input': Array.from({ length: 8 }, (_, i) => `s${i}=(${components});created=${created};keyid="k${i}"`).join(', '),
    signature: Array.from({ length: 8 }, (_, i) => `s${i}=:AAAA:`).join(', ')
  })
  const one = (components: string): Record<string, string> => ({ 'signature-input': `s=(${components});created=${created};keyid="k"`, signature: 's=:AAAA:' })
  const dictionary = Array.from({ length: 1000 }, (_, i) => `k${i}`).join(',')
  const query = `?${Array.from({ length: 29 }, (_, i) => `x${i}=1`).join('&')}${'&%e9'.repeat(3000)}`
  const cases: Array<[title: string, target: string, headers: Record<string, string>, message: string]> = [
    ['query parameters', `/any${query}`, one(`${required} ${each(29, i => `"@query-param";name="x${i}"`)}`), NOT_VALID],
    ['one parameter, often', `/any${query}`, one(each(32, () => '"@query-param";name="x"')), 'The signature covers "@query-param";name="x" twice'],
    ['members', '/any', { ...one(`${required} ${each(29, i => `"x-a";key="k${i}"`)}`), 'x-a': dictionary }, NOT_VALID],
    ['strictly', '/any', { ...eight(`${required} "priority";sf`), priority: dictionary }, NOT_VALID],
    ['bytes', '/any', { ...eight(`${required} "x-a";bs`), 'x-a': dictionary }, NOT_VALID],
    ['the digest', '/any', { ...one(`${required} "content-digest";sf "content-digest";bs "content-digest";key="k1"`), 'content-digest': dictionary }, NOT_VALID]
  ]
  for (const [title, url, headers, message] of cases) {
    reads = 0
    parses = 0
    assertInjectedError(t, await app.inject({ url, headers }), 401, message)
    const lines = 2 * (Object.keys(headers).length + 4)
    t.ok(reads > 0 && reads <= lines, `${title}: ${reads} reads of at most ${lines} names and values`)
    t.equal(parses, 0, `${title}: URLSearchParams, which takes 15 ms for such a query, reads none`)
  }
})
