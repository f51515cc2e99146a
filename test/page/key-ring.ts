import t from 'tap'
import { KeyRing } from '../../page/key-ring.js'

const url = 'http://127.0.0.1/'

t.test('signs the requests that have the id of the key in the field of the signature', async t => {
  const keyRing = new KeyRing()
  keyRing.set({ id: 'dev', secret: 'hush' })
  const { headers, userFetch } = await keyRing.sign({ url, headers: { accept: '*/*', Signature: 'dev' } })
  t.strictSame(Object.keys(headers!), ['accept', 'signature-input', 'signature'])
  t.match(headers, { 'signature-input': /keyid="dev"/, signature: /^sig1=:/ })
  t.type(userFetch, 'function')
})

t.test('does not change other requests', async t => {
  const keyRing = new KeyRing()
  const unsigned = async (headers?: Record<string, string>): Promise<void> => {
    const request = headers === undefined ? { url } : { url, headers: { ...headers } }
    t.equal(await keyRing.sign(request), request)
    t.strictSame(request, headers === undefined ? { url } : { url, headers })
  }
  await unsigned({ signature: 'dev' })
  keyRing.set({ id: 'dev', secret: 'hush' })
  await unsigned()
  await unsigned({})
  await unsigned({ signature: 'sig1=:YQ==:' })
  keyRing.clear()
  await unsigned({ signature: 'dev' })
})

t.test('throws for an invalid key, and keeps the previous one', async t => {
  const keyRing = new KeyRing()
  keyRing.set({ id: 'dev', secret: 'hush' })
  t.throws(() => keyRing.set({ id: 'other', secret: '' }), TypeError)
  t.match(await keyRing.sign({ url, headers: { signature: 'dev' } }), { headers: { signature: /^sig1=/ } })
})

t.test('does not expose the secret', async t => {
  const keyRing = new KeyRing()
  keyRing.set({ id: 'dev', secret: 'hush' })
  t.notMatch(JSON.stringify(keyRing), 'hush')
})
