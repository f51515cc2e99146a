import t from 'tap'
import { refuse } from '../../lib/refuse.js'

t.test('throws a TypeError with the name of the option, the rule and the value', async t => {
  t.throws(() => refuse('a must be a string', 1), new TypeError('fastify-reason-phrase: option a must be a string, not 1'))
  t.throws(() => refuse('must be an object', { a: { b: 1 } }, 'maintenance'), new TypeError('fastify-reason-phrase: maintenance must be an object, not { a: [Object] }'))
})
