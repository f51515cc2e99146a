import t from 'tap'
import { isSignatureScheme } from '../../page/security-scheme.js'

const scheme = { type: 'apiKey', in: 'header', name: 'Signature', description: 'a' }

t.test('recognizes the security scheme of signed requests', async t => {
  t.ok(isSignatureScheme(scheme))
  t.ok(isSignatureScheme({ ...scheme, name: 'signature' }))
  t.ok(isSignatureScheme({ toJS: () => scheme }), 'as a map of Immutable.js')
  for (const other of [undefined, {}, { ...scheme, type: 'http' }, { ...scheme, in: 'query' }, { ...scheme, name: 'X-Token' }]) t.notOk(isSignatureScheme(other))
})
