import t from 'tap'
import { checkOptionNames, joinNames, throwInvalidOption } from '../../lib/invalid-option.js'

t.test('throws a TypeError that names the option, the rule and the value', async t => {
  t.throws(() => throwInvalidOption('a must be a string', 1), new TypeError('fastify-reason-phrase: option a must be a string, not 1'))
  t.throws(() => throwInvalidOption('must be an object', { a: { b: 1 } }, 'maintenance'), new TypeError('fastify-reason-phrase: maintenance must be an object, not { a: [Object] }'))
})

t.test('throws for an unknown option, and suggests the most similar option', async t => {
  const known = ['keys', 'maxAge', 'required']
  t.doesNotThrow(() => checkOptionNames({}, known))
  t.doesNotThrow(() => checkOptionNames({ keys: 1, required: undefined }, known))
  t.throws(() => checkOptionNames({ keys: 1, maxage: 1 }, known, 'signature'), new TypeError(
    'fastify-reason-phrase: unknown option "maxage" of signature; did you mean "maxAge"? The options are keys, maxAge and required'
  ))
  t.throws(() => checkOptionNames({ replay: 'a secret' }, known), new TypeError('fastify-reason-phrase: unknown option "replay". The options are keys, maxAge and required'))
  t.throws(() => checkOptionNames({ tables: 'a' }, ['table'], 'pgStore()'), new TypeError('fastify-reason-phrase: unknown option "tables" of pgStore(); did you mean "table"? The only option is table'))
})

t.test('throws for options that are not an object, and quotes no value', async t => {
  t.throws(() => checkOptionNames('a secret' as never, [], 'signature'), new TypeError('fastify-reason-phrase: options of signature must be an object, not string'))
  t.throws(() => checkOptionNames(null as never, []), new TypeError('fastify-reason-phrase: options must be an object, not null'))
})

t.test('joins names for a sentence', async t => {
  t.equal(joinNames([]), '')
  t.equal(joinNames(['a']), 'a')
  t.equal(joinNames(['a', 'b']), 'a and b')
  t.equal(joinNames(['a', 'b', 'c']), 'a, b and c')
  t.equal(joinNames(['a', 'b', 'c'], 'or'), 'a, b or c')
})
