import t from 'tap'
import { isPlainObject } from '../../lib/plain-object.js'

t.test('isPlainObject returns true for object literals and objects without a prototype', async t => {
  for (const value of [{}, { a: 1 }, Object.create(null)]) t.equal(isPlainObject(value), true)
})

t.test('isPlainObject returns false for everything else', async t => {
  for (const value of [undefined, null, 'a', 1, [], new Map(), new (class A {})(), Object.create({}), () => {}]) t.equal(isPlainObject(value), false)
})
