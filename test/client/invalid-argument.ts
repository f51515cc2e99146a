import t from 'tap'
import { throwInvalidArgument } from '../../client/invalid-argument.js'

t.test('throws a TypeError with the rule', async t => {
  t.throws(() => throwInvalidArgument('a must be a string'), new TypeError('fastify-reason-phrase: a must be a string'))
})
