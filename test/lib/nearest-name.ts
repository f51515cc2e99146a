import t from 'tap'
import { correctName, nearestName } from '../../lib/nearest-name.js'

const names = ['key', 'json', 'data', 'header', 'retry', 'timeout', 'idempotency-key', 'max-response-size', 'outcomes', 'statusCodes', 'permission', 'X']

t.test('finds a name with typing errors', async t => {
  for (const [name, expected] of Object.entries({
    kye: 'key', hedaer: 'header', headr: 'header', headers: 'header', jsn: 'json', tiemout: 'timeout', timout: 'timeout', rertyy: 'retry', permissions: 'permission', outcoems: 'outcomes', idempotencykye: 'idempotency-key', 'idempotent-key': 'idempotency-key'
  })) t.equal(nearestName(name, names), expected, name)
})

t.test('ignores case, hyphens and underscores', async t => {
  for (const [name, expected] of Object.entries({ KEY: 'key', maxResponseSize: 'max-response-size', status_codes: 'statusCodes', 'status-codes': 'statusCodes' })) t.equal(nearestName(name, names), expected, name)
})

t.test('finds a name by its beginning, if it is the only one', async t => {
  t.equal(nearestName('idem', names), 'idempotency-key')
  t.equal(nearestName('max', names), 'max-response-size')
  t.equal(nearestName('s', ['skip', 'slow']), undefined, 'not one of several')
})

t.test('prefers the name with the fewest errors', async t => {
  t.equal(nearestName('loop', ['look', 'loops', 'lap']), 'loops', 'the only name with this beginning')
  t.equal(nearestName('skop', ['slow', 'skip', 'shop']), 'skip', 'the first of two that are equally near')
  t.equal(nearestName('loook', ['locks', 'look']), 'look')
})

t.test('finds nothing if no name is similar', async t => {
  for (const name of ['', '--', 'verbose', 'on', 'ab', 'password', 'hush']) t.equal(nearestName(name, names), undefined, name)
  t.equal(nearestName('a', []), undefined)
  t.equal(nearestName('o', ['k']), undefined, 'a name is not found by its length')
})

const KEYS = ['errors', 'idempotency', 'maintenance', 'permission', 'reasonPhrase', 'signature', 'transaction']

t.test('corrects the spelling of a key', async t => {
  for (const [name, nearest] of [
    ['permissions', 'permission'], ['permision', 'permission'], ['premission', 'permission'], ['Permission', 'permission'],
    ['error', 'errors'], ['erors', 'errors'], ['erorrs', 'errors'],
    ['signatures', 'signature'], ['singature', 'signature'],
    ['reasonphrase', 'reasonPhrase'], ['reason-phrase', 'reasonPhrase'], ['reasonPhrases', 'reasonPhrase'],
    ['maintainance', 'maintenance'], ['maintenence', 'maintenance'],
    ['idempotent', 'idempotency'], ['idempotence', 'idempotency'], ['idempotancy', 'idempotency'],
    ['transactions', 'transaction'],
    ['errors', 'errors']
  ] as const) t.equal(correctName(name, KEYS), nearest, name)
})

t.test('does not correct the keys of other plugins', async t => {
  for (const name of [
    'rateLimit', 'cors', 'otel', 'swagger', 'compress', 'helmet', 'csrf', 'auth', 'jwt', 'roles', 'cache', 'rawBody', 'url', 'method',
    'description', 'tags', 'session', 'websocket', 'zod', 'action', 'reason', 'signed', 'isolation', 'router', 'cursors', 'orders', ''
  ]) t.equal(correctName(name, KEYS), undefined, name)
})

t.test('does not complete a name', async t => {
  t.equal(correctName('idem', KEYS), undefined)
  t.equal(nearestName('idem', KEYS), 'idempotency')
})
