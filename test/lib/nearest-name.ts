import t from 'tap'
import { findNearestName } from '../../lib/nearest-name.js'

const KEYS = ['errors', 'idempotency', 'maintenance', 'permission', 'reasonPhrase', 'signature', 'transaction']

t.test('finds the name of which a name is a typo', async t => {
  for (const [name, nearest] of [
    ['permissions', 'permission'], ['permision', 'permission'], ['premission', 'permission'], ['Permission', 'permission'],
    ['error', 'errors'], ['erors', 'errors'], ['erorrs', 'errors'],
    ['signatures', 'signature'], ['singature', 'signature'],
    ['reasonphrase', 'reasonPhrase'], ['reason-phrase', 'reasonPhrase'], ['reasonPhrases', 'reasonPhrase'],
    ['maintainance', 'maintenance'], ['maintenence', 'maintenance'],
    ['idempotent', 'idempotency'], ['idempotence', 'idempotency'], ['idempotancy', 'idempotency'],
    ['transactions', 'transaction'],
    ['errors', 'errors']
  ] as const) t.equal(findNearestName(name, KEYS), nearest, name)
})

t.test('finds nothing for the config of other plugins', async t => {
  for (const name of [
    'rateLimit', 'cors', 'otel', 'swagger', 'compress', 'helmet', 'csrf', 'auth', 'jwt', 'roles', 'cache', 'rawBody', 'url', 'method',
    'description', 'tags', 'session', 'websocket', 'zod', 'action', 'reason', 'signed', 'isolation', 'router', 'cursors', 'orders', ''
  ]) t.equal(findNearestName(name, KEYS), undefined, name)
})

t.test('allows fewer edits in a short name than in a long one', async t => {
  for (const [name, known, nearest] of [
    ['key', 'keys', 'keys'], ['kye', 'key', 'key'], ['ke', 'keys', undefined],
    ['hedaers', 'header', 'header'], ['hd', 'header', undefined],
    ['requireSchema', 'requireSchemas', 'requireSchemas'], ['require_schema', 'requireSchemas', 'requireSchemas'], ['reqireShema', 'requireSchemas', 'requireSchemas']
  ] as const) t.equal(findNearestName(name, [known]), nearest, `${name} and ${known}`)
})

t.test('prefers the nearest name, and of equally near names the first', async t => {
  t.equal(findNearestName('headers', ['header', 'headers']), 'headers')
  t.equal(findNearestName('bat', ['cat', 'hat']), 'cat')
})
