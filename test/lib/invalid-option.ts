import t from 'tap'
import { throwInvalidOption } from '../../lib/invalid-option.js'

t.test('throws a TypeError that names the option, the rule and the value', async t => {
  t.throws(() => throwInvalidOption('a must be a string', 1), new TypeError('fastify-reason-phrase: option a must be a string, not 1'))
  t.throws(() => throwInvalidOption('must be an object', { a: { b: 1 } }, 'maintenance'), new TypeError('fastify-reason-phrase: maintenance must be an object, not { a: [Object] }'))
})
