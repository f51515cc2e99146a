import fc from 'fast-check'
import t from 'tap'
import { QueryParameters } from '../../../lib/signature/query-parameters.js'

function encode (text: string): string {
  return new URLSearchParams([[text, '']]).toString().slice(0, -1).replaceAll('+', '%20')
}

/** Returns the value by the literal algorithm of RFC 9421. */
function expected (query: string, name: string): string | undefined {
  const values = [...new URLSearchParams(`?${query}`)].filter(([key]) => encode(key) === name)
  return values.length === 1 ? encode(values[0]![1]) : undefined
}

t.test('returns the encoded value of a parameter that occurs once (RFC 9421 section 2.2.8)', async t => {
  const cases: Array<[query: string, name: string, value: string | undefined]> = [
    ['a=1&b=2', 'b', '2'], ['a', 'a', ''], ['a=', 'a', ''], ['=1', '', '1'], ['', '', undefined], ['&&a=1&', 'a', '1'], ['a=1=2', 'a', '1%3D2'],
    ['a=1&a=2', 'a', undefined], ['a=1&%61=2', 'a', undefined], ['a=1&a=2&a=3', 'a', undefined], ['%61=1', 'a', '1'], ['a=1', '%61', undefined],
    ['a+b=c+d', 'a%20b', 'c%20d'], ['a%20b=1', 'a%20b', '1'], ['a b=1', 'a%20b', '1'], ['a+b=1', 'a+b', undefined], ['a%2Bb=1', 'a%2Bb', '1'], ['a%2bb=1', 'a%2Bb', '1'],
    ['a%26b=1', 'a%26b', '1'], ['a%3Db=%26%3d', 'a%3Db', '%26%3D'], ['a&b=1', 'a&b', undefined], ['a=b', 'a=b', undefined],
    ['?a=1', '%3Fa', '1'], ['%c3%a9=1', '%C3%A9', '1'], ['\u00e9=1', '%C3%A9', '1'], ['a=\u00e9', 'a', '%C3%A9'], ['%zz=1', '%25zz', '1'], ['a=%', 'a', '%25'], ['a=%e9', 'a', '%EF%BF%BD'],
    ['%e9=1', '%EF%BF%BD', undefined], ['%EF%BF%BD=1', '%EF%BF%BD', undefined], ['%zz=1', '%zz', undefined], ['%=1', '%', undefined], ['%c3=1', '%C3', undefined], ['%2=1&%=2', '%252', '1'], ['~*-._=~*-._', '%7E*-._', '%7E*-._'], ['__proto__=1', '__proto__', '1'], ['a=%EF%BB%BFx', 'a', '%EF%BB%BFx']
  ]
  for (const [query, name, value] of cases) {
    t.equal(new QueryParameters(query).get(name), value, `${name} of ${query}`)
    if (name !== '%EF%BF%BD') t.equal(value, expected(query, name), 'URLSearchParams has the same value')
  }
})

t.test('returns the same values as URLSearchParams', async t => {
  // Node decodes characters that are neither ASCII nor encoded differently if the rest is not UTF-8.
  const piece = fc.oneof(fc.constantFrom('a', 'b', '%61', '%e9', '%c3%a9', '%', '+', '=', '&', '%26', '%3d', '%2B', '%zz', '%4'), fc.string({ maxLength: 2 }))
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join('')), query => {
    for (const [name] of new URLSearchParams(`?${query}`)) {
      const encoded = encode(name)
      if (!encoded.includes('%EF%BF%BD')) t.equal(new QueryParameters(query).get(encoded), expected(query, encoded), query)
    }
  }), { numRuns: 500 })
})
