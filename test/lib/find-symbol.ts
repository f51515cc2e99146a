import t from 'tap'
import { findSymbol } from '../../lib/find-symbol.js'

t.test('returns the symbol of an object or of its prototype', async t => {
  const symbol = Symbol('own')
  const object = { [symbol]: 1 }
  t.equal(findSymbol(object, 'own'), symbol)
  t.equal(findSymbol(Object.create(object), 'own'), symbol)
  t.equal(findSymbol(object, 'other'), undefined)
})
