import t from 'tap'
import { Deferred } from '../../lib/deferred.js'

t.test('settles a promise from outside', async t => {
  const resolved = new Deferred<number>()
  resolved.resolve(1)
  t.equal(await resolved.promise, 1)
  const rejected = new Deferred<number>()
  rejected.reject(new Error('It broke'))
  // Nobody waits for the rejection yet. It must not end the process.
  await new Promise(resolve => setImmediate(resolve))
  await t.rejects(rejected.promise, { message: 'It broke' })
})
