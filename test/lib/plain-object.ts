import t from 'tap'
import { isPlainObject } from '../../lib/plain-object.js'

t.test('an object as one writes it is plain', async t => {
  for (const value of [{}, { a: 1 }, Object.create(null)]) t.equal(isPlainObject(value), true)
})

t.test('nothing else is', async t => {
  for (const value of [undefined, null, 'a', 1, [], new Map(), new (class A {})(), Object.create({}), () => {}]) t.equal(isPlainObject(value), false)
})
