import t from 'tap'
import { resolveOptions, type IdempotencyOptions } from '../../../lib/idempotency/options.js'
import type { IdempotencyStore } from '../../../lib/idempotency/store.js'

const store: IdempotencyStore<string> = {
  dialect: 'postgresql',
  transaction: async work => await work({ transaction: 'transaction', query: async () => [] })
}

t.test('adds the defaults', async t => {
  t.strictSame(resolveOptions({ store }), {
    store,
    scope: undefined,
    outcomes: undefined,
    headers: ['content-type', 'content-encoding', 'location'],
    wait: 1000,
    timeout: 30_000,
    maxInFlight: 5,
    maxBytes: 1_048_576,
    retention: 604_800
  })
})

t.test('keeps the options that are given', async t => {
  const options = { store, scope: () => 'alice', outcomes: '/v2/operation', wait: 0, timeout: 1, maxInFlight: 1, maxBytes: 1, retention: 1 }
  t.strictSame(resolveOptions({ ...options, headers: ['etag', 'x_y'] }), { ...options, headers: ['content-type', 'content-encoding', 'location', 'etag', 'x_y'] })
  t.match(resolveOptions({ store, wait: 2 ** 31 - 1, timeout: 2 ** 31 - 1 }), { wait: 2 ** 31 - 1, timeout: 2 ** 31 - 1 })
  for (const outcomes of ['/operation', '/v2/my-operation_1.0~a']) t.equal(resolveOptions({ store, outcomes }).outcomes, outcomes)
  for (const dialect of ['postgresql', 'sqlite', 'mysql'] as const) t.equal(resolveOptions({ store: { ...store, dialect } }).store.dialect, dialect)
})

t.test('limits SQLite to one transaction at a time, because it has one writer', async t => {
  const sqlite: typeof store = { ...store, dialect: 'sqlite' }
  for (const maxInFlight of [undefined, 1, 5]) t.equal(resolveOptions({ store: sqlite, maxInFlight }).maxInFlight, 1)
})

t.test('throws for each option that is missing, unknown, of the wrong type, or out of range', async t => {
  const cases: Array<[options: object, message: string]> = [
    [{}, 'idempotency option store must be an object with a method transaction and a dialect of postgresql, sqlite, mysql, such as kyselyStore(db), not \'undefined\''],
    [{ store, max: 1 }, 'unknown option "max" of idempotency. The options are store, scope, outcomes, headers, wait, timeout, maxInFlight, maxBytes and retention'],
    ...['postgres://:a secret@host', null, {}, { transaction () {} }, { ...store, dialect: 'a secret' }, { ...store, transaction: 'a secret' }].map((store): [object, string] => [{ store }, 'idempotency option store must be an object with a method transaction and a dialect of postgresql, sqlite, mysql, such as kyselyStore(db), not \'']),
    ...['alice', null, true].map((scope): [object, string] => [{ store, scope }, 'idempotency option scope must be a function from a request to its authenticated caller, not ']),
    ...[
      '', '/', 'v2/operation', '/v2/operation/', '//operation', '/v2/*', '/v2/operation*', '/:tenant/operation', '/a::b', '/a(b)', '/a?b', '/a#b', '/a%20b', '/a b', '/operation\n', null, true, {}
    ].map((outcomes): [object, string] => [{ store, outcomes }, 'idempotency option outcomes must be a path of segments with letters, digits, and - . _ ~, such as /v2/operation, not ']),
    ...['etag', null, [1], [''], ['ETag'], ['a b'], ['etag', 'set-cookie'], ['content-length'], ['transfer-encoding'], ['connection'], ['idempotency-status']].map((headers): [object, string] => [
      { store, headers }, 'idempotency option headers must be an array of field names in lower case, without connection, content-length, keep-alive, proxy-connection, te, trailer, transfer-encoding, upgrade, set-cookie, idempotency-status, idempotent-replayed, not '
    ]),
    ...[-1, 1.5, NaN, Infinity, '1000', null].map((wait): [object, string] => [{ store, wait }, 'idempotency option wait must be a number of milliseconds, not ']),
    ...[0, -1, 1.5, NaN, Infinity, '1000', null].flatMap((value): Array<[object, string]> => [
      [{ store, timeout: value }, 'idempotency option timeout must be a positive number of milliseconds, not '],
      [{ store, maxInFlight: value }, 'idempotency option maxInFlight must be a positive number, not '],
      [{ store, maxBytes: value }, 'idempotency option maxBytes must be a positive number of bytes, not '],
      [{ store, retention: value }, 'idempotency option retention must be a positive number of whole seconds, not ']
    ]),
    [{ store, wait: 2 ** 31 }, 'idempotency option wait must be at most 2147483647 milliseconds, not 2147483648'],
    [{ store, timeout: 2 ** 31 }, 'idempotency option timeout must be at most 2147483647 milliseconds, not 2147483648']
  ]
  for (const [options, message] of cases) {
    let error: Error | undefined
    try {
      resolveOptions(options as IdempotencyOptions<string, unknown>)
    } catch (thrown) {
      error = thrown as Error
    }
    t.ok(error instanceof TypeError, message)
    t.equal(error?.message.slice(0, message.length + 23), `fastify-reason-phrase: ${message}`)
    t.notMatch(error?.message, 'a secret')
  }
})
