import { createHmac } from 'node:crypto'
import t from 'tap'
import { QueryParameters } from '../../../lib/signature/query-parameters.js'
import { ALGORITHM, getComponentValue, parseTarget, createSignatureBase, type Component, type SignableRequest } from '../../../lib/signature/signature-base.js'
import { parseDictionary, serializeMember, type InnerList } from '../../../lib/signature/structured-fields.js'

function request (target: string, more: Partial<SignableRequest> = {}): SignableRequest {
  const query = new QueryParameters(parseTarget(target).query.slice(1))
  return { method: 'GET', scheme: 'https', authority: 'www.example.com', target, field: () => undefined, queryParameter: name => query.get(name), ...more }
}

function listOf (text: string): InnerList {
  return parseDictionary(`list=${text}`).get('list') as InnerList
}

function componentsOf ({ items }: InnerList): Component[] {
  return items.map(item => ({ name: String(item.bare.value), parameters: item.parameters, identifier: serializeMember(item) }))
}

function value (component: string, target: string, more?: Partial<SignableRequest>): string | undefined {
  return getComponentValue(request(target, more), componentsOf(listOf(`(${component})`))[0]!)
}

function baseOf (text: string, signed: SignableRequest): string {
  const list = listOf(text)
  return createSignatureBase(componentsOf(list), serializeMember(list), component => {
    const value = getComponentValue(signed, component)
    if (value === undefined) throw new Error(`no ${component.identifier}`)
    return value
  })
}

t.test('returns the values of derived components (RFC 9421 section 2.2)', async t => {
  const target = '/path?param=value'
  t.equal(value('"@method"', target, { method: 'POST' }), 'POST')
  t.equal(value('"@method"', target, { method: 'post' }), 'post', 'methods are case-sensitive')
  t.equal(value('"@target-uri"', target), 'https://www.example.com/path?param=value')
  t.equal(value('"@authority"', target), 'www.example.com')
  t.equal(value('"@scheme"', target), 'https')
  t.equal(value('"@request-target"', target), '/path?param=value')
  t.equal(value('"@path"', target), '/path')
  t.equal(value('"@query"', '/path?param=value&foo=bar&baz=bat%2Dman'), '?param=value&foo=bar&baz=bat%2Dman')
  t.equal(value('"@query"', '/path?queryString'), '?queryString')
  t.equal(value('"@query"', '/path'), '?', 'no query')
  t.equal(value('"@query"', '/path?'), '?', 'an empty query')
  t.equal(value('"@query"', '/path?a?b'), '?a?b')
  t.equal(value('"@path"', '/a%2Fb%20c/../d'), '/a%2Fb%20c/../d', 'the path is not normalized')
})

t.test('returns the values for each form of the request target (RFC 9421 section 2.2.5)', async t => {
  const absolute = 'https://www.example.com/path?param=value'
  t.equal(value('"@request-target"', absolute), absolute)
  t.equal(value('"@path"', absolute), '/path')
  t.equal(value('"@query"', absolute), '?param=value')
  t.equal(value('"@target-uri"', absolute), absolute)
  t.equal(value('"@path"', 'https://www.example.com'), '/', 'an empty path')
  t.equal(value('"@path"', ''), '/')
  t.equal(value('"@target-uri"', ''), 'https://www.example.com/')
  t.equal(value('"@request-target"', 'www.example.com:80'), 'www.example.com:80')
  t.equal(value('"@request-target"', '*'), '*')
  t.equal(value('"@path"', '*'), '*')
  for (const trick of ['http://a?x/any', 'http://a#x/any']) {
    t.not(value('"@path"', trick), '/', `${trick}: a router finds /any`)
  }
  t.equal(value('"@path"', '/http://a/any'), '/http://a/any')
  t.equal(value('"@path"', '//a/any'), '//a/any')
})

t.test('returns the values of query parameters (RFC 9421 section 2.2.8)', async t => {
  const target = '/path?param=value&foo=bar&baz=batman&qux='
  t.equal(value('"@query-param";name="baz"', target), 'batman')
  t.equal(value('"@query-param";name="qux"', target), '')
  t.equal(value('"@query-param";name="param"', target), 'value')
  const encoded = '/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something'
  t.equal(value('"@query-param";name="var"', encoded), 'this%20is%20a%20big%0Amultiline%20value')
  t.equal(value('"@query-param";name="bar"', encoded), 'with%20plus%20whitespace')
  t.equal(value('"@query-param";name="fa%C3%A7ade%22%3A%20"', encoded), 'something')
  t.equal(value('"@query-param";name="b"', '/?a=1&a=2&b=%2B'), '%2B')
  t.equal(value('"@query-param";name="a"', '/?a=1&a=2'), undefined, 'a parameter that occurs twice')
  t.equal(value('"@query-param";name="none"', target), undefined)
  t.equal(value('"@query-param";name="none"', '/path'), undefined)
  for (const component of ['"@query-param"', '"@query-param";name', '"@query-param";name=1', '"@query-param";name="qux";sf', '"@query-param";key="qux"']) {
    t.equal(value(component, target), undefined, component)
  }
})

t.test('returns undefined for a query parameter if the request does not parse its query', async t => {
  t.equal(value('"@query-param";name="a"', '/?a=1', { queryParameter: undefined }), undefined)
})

t.test('returns undefined for components that requests do not have', async t => {
  for (const component of ['"@status"', '"@signature-params"', '"@unknown"', '"@"', '"@method";req', '"@path";bs', '""', '"x-none"']) {
    t.equal(value(component, '/'), undefined, component)
  }
})

t.test('passes the parameters of a component to field()', async t => {
  const field: SignableRequest['field'] = (name, parameters) => `${name} ${[...parameters].map(([key, { text }]) => `${key}=${text}`).join(' ')}`
  t.equal(value('"x-dict";key="a"', '/', { field }), 'x-dict key="a"')
  t.equal(value('"x-dict";sf', '/', { field }), 'x-dict sf=?1')
  t.equal(value('"date"', '/', { field }), 'date ')
})

t.test('creates the signature base of RFC 9421 appendix B.2.5', async t => {
  const fields: Record<string, string> = { date: 'Tue, 20 Apr 2021 02:07:55 GMT', 'content-type': 'application/json' }
  const base = baseOf('("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"', request('/foo?param=Value&Pet=dog', { method: 'POST', authority: 'example.com', field: name => fields[name] }))
  t.equal(base, [
    '"date": Tue, 20 Apr 2021 02:07:55 GMT',
    '"@authority": example.com',
    '"content-type": application/json',
    '"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
  ].join('\n'))
  const secret = Buffer.from('uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==', 'base64')
  t.equal(createHmac('sha256', secret).update(base).digest('base64'), 'pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=')
  t.equal(ALGORITHM, 'hmac-sha256')
})

t.test('serializes the parameters strictly, and keeps their order', async t => {
  const text = '("@query-param";name="b"   "@method");nonce="a\\"b";created=1;x=?0;y=tok;z=1.50;w=:AQ==:;ttl=60.0;since=@01;last'
  t.equal(baseOf(text, request('/?b=%c3%a9')), [
    '"@query-param";name="b": %C3%A9',
    '"@method": GET',
    '"@signature-params": ("@query-param";name="b" "@method");nonce="a\\"b";created=1;x=?0;y=tok;z=1.5;w=:AQ==:;ttl=60.0;since=@1;last'
  ].join('\n'))
  t.equal(baseOf('();created=1', request('/')), '"@signature-params": ();created=1')
})

t.test('reads the value of one component after another', async t => {
  t.throws(() => baseOf('("@method" "x-none";sf "x-other")', request('/')), { message: 'no "x-none";sf' })
})
