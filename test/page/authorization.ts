import t from 'tap'
import { wrapAuthorization } from '../../page/authorization.js'
import { KeyRing } from '../../page/key-ring.js'

const schema = { type: 'apiKey', in: 'header', name: 'Signature' }
const token = { name: 'token', schema: { ...schema, name: 'X-Token' }, value: 'token' }
const key = { id: 'dev', secret: 'hush' }

/** Returns a function that calls a wrapped action, and returns what Swagger UI gets. */
function prepare (keyRing = new KeyRing()) {
  const wrapped = wrapAuthorization(keyRing)
  return (name: string, payload: unknown) => {
    const calls: Array<[name: string, payload: unknown]> = []
    const record = (name: string) => (payload: unknown) => { calls.push([name, payload]) }
    const errActions = { clear: record('clear'), newAuthErr: record('newAuthErr') }
    const authSelectors = { authorized: () => ({ getIn: ([name]: string[]) => name === 'signature' ? schema : undefined }) }
    wrapped[name]!(record(name), { errActions, authSelectors })(payload)
    return calls
  }
}

t.test('authorize passes the id of the key to Swagger UI, but not its secret', async t => {
  const call = prepare()
  t.strictSame(call('authorize', { signature: { name: 'signature', schema, value: key }, token }), [
    ['clear', { authId: 'signature', source: 'auth' }],
    ['authorize', { signature: { name: 'signature', schema, value: 'dev' }, token }]
  ])
})

t.test('authorize shows what is wrong with a key', async t => {
  const call = prepare()
  const error = ['newAuthErr', { authId: 'signature', source: 'auth', level: 'warning', message: 'key must have an id of printable ASCII, and a secret that is not empty' }]
  const invalid = { signature: { name: 'signature', schema, value: { id: 'dev' } } }
  t.strictSame(call('authorize', invalid).slice(1), [error])
  t.strictSame(call('authorize', { ...invalid, token }).slice(1), [error, ['authorize', { token }]], 'accepts the other authorizations')
})

t.test('authorize ignores a form that was not filled in', async t => {
  // After a logout, Swagger UI keeps an empty text.
  t.strictSame(prepare()('authorize', {}), [])
  t.strictSame(prepare()('authorize', { signature: '' }), [['authorize', { signature: '' }]])
})

t.test('logout forgets the key', async t => {
  const keyRing = new KeyRing()
  const call = prepare(keyRing)
  const isSigned = async () => (await keyRing.sign({ url: 'http://127.0.0.1/', headers: { signature: 'dev' } })).userFetch !== undefined
  keyRing.set(key)
  t.strictSame(call('logout', ['token']), [['logout', ['token']]])
  t.ok(await isSigned())
  t.strictSame(call('logout', ['token', 'signature']), [['logout', ['token', 'signature']]])
  t.notOk(await isSigned())
})

t.test('restoreAuthorization skips the id of a key, whose secret was not stored', async t => {
  t.strictSame(prepare()('restoreAuthorization', { authorized: { signature: { name: 'signature', schema, value: 'dev' }, token } }), [
    ['restoreAuthorization', { authorized: { token } }]
  ])
})
