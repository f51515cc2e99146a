import t from 'tap'
import { createKey, resolveKey, serializeKey } from '../../client/idempotency-key.js'
import { getKeyTime, parseKey } from '../../lib/idempotency/key.js'

t.test('createKey() returns a UUID of version 7 with the current time', async t => {
  const before = Date.now()
  const keys = new Set(Array.from({ length: 1000 }, createKey))
  t.equal(keys.size, 1000, 'each key is new')
  for (const key of keys) {
    if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(key)) t.fail(key)
    const time = getKeyTime(key)!
    if (time < before || time > Date.now()) t.fail(`${key} has the time ${time}`)
  }
})

t.test('createKey() pads the time', async t => {
  t.intercept(Date, 'now', { value: () => 0x1234 })
  t.match(createKey(), /^00000000-1234-7/)
})

t.test('resolveKey() returns a valid key, and creates one for true', async t => {
  for (const key of ['a', ' ', '"', '\\', 'a,b', '...', '.a', 'a'.repeat(255), ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~']) t.equal(resolveKey(key), key)
  t.equal(resolveKey(undefined), undefined)
  t.match(resolveKey(true), /^[0-9a-f-]{36}$/)
})

t.test('resolveKey() rejects keys that the service does not accept, and those that no URL can contain', async t => {
  for (const key of ['', 'a'.repeat(256), 'é', 'a\n', 'a\0', '\x7f', '.', '..', false, null, 1, {}, ['a']]) {
    t.throws(() => resolveKey(key as string), {
      name: 'TypeError', message: 'fastify-reason-phrase: idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."'
    }, JSON.stringify(key))
  }
})

t.test('serializeKey() returns a string of a structured field that the service can read', async t => {
  t.equal(serializeKey('a'), '"a"')
  t.equal(serializeKey('a"b\\c'), '"a\\"b\\\\c"')
  for (const key of ['a', ' a ', '"', '\\', '\\"', '"a"', 'a,b', 'a'.repeat(255)]) t.equal(parseKey([serializeKey(key)]), key)
})
