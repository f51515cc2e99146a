import t from 'tap'
import { memoryStore } from '../../../lib/signature/memory-store.js'
import type { SignatureOptions } from '../../../lib/signature/options.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { keys } from '../../fixtures/verify.js'

t.test('throws for each option that is missing, unknown, of the wrong type, or out of range', async t => {
  const cases: Array<[options: object, message: string]> = [
    [{}, 'signature option keys must be a function from the id of a key to the key, not \'undefined\''],
    [{ keys: { dev: 'a secret' } }, 'signature option keys must be a function from the id of a key to the key, not \'object\''],
    [{ keys: 'a secret' }, 'signature option keys must be a function from the id of a key to the key, not \'string\''],
    [{ keys, maxage: 1 }, 'unknown option "maxage" of signature; did you mean "maxAge"? The options are keys, keysTimeout, maxAge, clockSkew, required and replay'],
    ...[0, -1, 1.5, NaN, Infinity, '300', null].map((maxAge): [object, string] => [{ keys, maxAge }, 'signature option maxAge must be a positive number of whole seconds, not ']),
    ...[-1, 0.5, NaN, '30', null].map((clockSkew): [object, string] => [{ keys, clockSkew }, 'signature option clockSkew must be a number of whole seconds, not ']),
    ...['@path', null, ['Date'], ['@Path'], ['@status'], ['@query-param'], ['a b'], [''], [1], ['"date"'], ['date;sf']].map((required): [object, string] => [{ keys, required }, 'signature option required must be an array of field names in lower case and of @method, @target-uri, @authority, @scheme, @request-target, @path, @query, not ']),
    ...[true, null, {}, { store: {} }, { store: 'redis://:a secret@host' }, memoryStore()].map((replay): [object, string] => [{ keys, replay }, 'signature option replay.store must be an object with a method take, not ']),
    [{ keys, replay: { store: memoryStore(), timeOut: 5 } }, 'unknown option "timeOut" of replay; did you mean "timeout"? The options are store and timeout'],
    ...[0, -1, 1.5, '1000', null].map((timeout): [object, string] => [{ keys, replay: { store: memoryStore(), timeout } }, 'signature option replay.timeout must be a positive number of milliseconds, not ']),
    [{ keys, replay: { store: memoryStore(), timeout: 2 ** 31 } }, 'signature option replay.timeout must be at most 2147483647 milliseconds, not 2147483648'],
    ...[0, -1, 1.5, NaN, Infinity, '1000', null].map((keysTimeout): [object, string] => [{ keys, keysTimeout }, 'signature option keysTimeout must be a positive number of milliseconds, not ']),
    [{ keys, keysTimeout: 2 ** 31 }, 'signature option keysTimeout must be at most 2147483647 milliseconds, not 2147483648']
  ]
  for (const [options, message] of cases) {
    let error: Error | undefined
    try {
      new Verifier(options as SignatureOptions) // eslint-disable-line no-new
    } catch (thrown) {
      error = thrown as Error
    }
    t.ok(error instanceof TypeError, message)
    t.equal(error?.message.slice(0, message.length + 23), `fastify-reason-phrase: ${message}`)
    t.notMatch(error?.message, 'a secret')
  }
  t.doesNotThrow(() => new Verifier({ keys, maxAge: 1, clockSkew: 0, required: ['date', '@authority', 'x_y', '!x'], replay: { store: memoryStore(), timeout: 1 } }))
  t.doesNotThrow(() => new Verifier({ keys, keysTimeout: 2 ** 31 - 1, replay: { store: memoryStore(), timeout: 2 ** 31 - 1 } }))
})
