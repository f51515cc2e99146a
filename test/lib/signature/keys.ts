import t from 'tap'
import type { Key } from '../../../lib/signature/keys.js'
import type { SignatureOptions } from '../../../lib/signature/options.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { KEY } from '../../fixtures/sign.js'
import { createRequest, keys, NOT_VALID, PLAIN, several, signed, stopClock, verdict } from '../../fixtures/verify.js'

t.test('accepts secrets as strings and bytes, one or several', async t => {
  stopClock(t)
  const bytes = Uint8Array.from([0, 255, 128, 7])
  const text = 'sécret \u{1f511}'
  for (const secret of [bytes, Buffer.from(bytes), [bytes], ['other', bytes], [bytes, 'other'], ['x', 'y', bytes]]) {
    const verifier = new Verifier({ keys: () => ({ secret, permissions: [] }) })
    t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: bytes } })), 'ok')
    t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: 'else' } })), NOT_VALID)
  }
  const verifier = new Verifier({ keys: () => ({ secret: text, permissions: [] }) })
  t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: Buffer.from(text) } })), 'ok')
})

t.test('waits for keys(), rethrows its errors, and rejects values that are not a key', async t => {
  stopClock(t)
  const later = new Verifier({ keys: async id => await new Promise(resolve => setImmediate(() => { resolve(keys(id)) })) })
  t.equal(await verdict(later, signed()), 'ok')
  t.equal(await verdict(later, signed({ key: { id: 'none', secret: '' } })), NOT_VALID)
  t.equal(await verdict(later, several({ key: { id: 'none', secret: '' } }, {})), 'ok')

  const nothing = new Verifier({ keys: id => keys(id) ?? null as unknown as undefined })
  t.equal(await verdict(nothing, signed({ key: { id: 'none', secret: 'x' } })), NOT_VALID, 'null means that there is no key')
  t.equal(await verdict(nothing, several({ key: { id: 'none', secret: 'x' } }, {})), 'ok')

  const failure = new Error('no database')
  await t.rejects(new Verifier({ keys: () => { throw failure } }).verify(createRequest(signed()), PLAIN), failure)
  await t.rejects(new Verifier({ keys: async () => { throw failure } }).verify(createRequest(signed()), PLAIN), failure)
  await t.rejects(new Verifier({ keys: async id => { if (id === 'none') throw failure; return keys(id) } }).verify(createRequest(several({}, { key: { id: 'none', secret: '' } })), PLAIN), failure)

  for (const nothing of [undefined, null, '', 0]) {
    for (const keys of [() => { throw nothing }, async () => await Promise.reject(nothing)]) {
      const error = await new Verifier({ keys }).verify(createRequest(signed()), PLAIN).then(() => 'passed', error => error)
      t.equal(error, nothing)
    }
  }

  const nonsense = [
    true, 1, 'secret', {}, [], () => {}, { secret: KEY.secret }, { permissions: [] }, { secret: '', permissions: [] }, { secret: [], permissions: [] },
    { secret: [KEY.secret, ''], permissions: [] }, { secret: [KEY.secret, undefined], permissions: [] }, { secret: 5, permissions: [] },
    { secret: new Uint8Array(0), permissions: [] }, { secret: KEY.secret, permissions: 'topic:read' }, { secret: KEY.secret, permissions: new Set(['a']) }
  ]
  for (const key of nonsense) {
    await t.rejects(new Verifier({ keys: () => key as unknown as Key }).verify(createRequest(signed()), PLAIN), {
      name: 'TypeError', message: 'fastify-reason-phrase: keys() must return { secret, permissions }: secret is a non-empty string or bytes, or an array of them, and permissions is an array'
    })
  }
})

t.test('throws a 503 if keys() does not settle in time', async t => {
  stopClock(t)
  const late: Record<string, SignatureOptions['keys']> = {
    never: async () => await new Promise(() => {}),
    'with a key': async id => await new Promise(resolve => setTimeout(() => { resolve(keys(id)) }, 20)),
    'with an error': async () => await new Promise((_resolve, reject) => setTimeout(() => { reject(new Error('late')) }, 20)),
    'with a thenable': () => ({ then: () => {} }) as unknown as Promise<Key>,
    'for one of two keys': id => id === KEY.id ? keys(id) : new Promise(() => {})
  }
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  for (const [title, keys] of Object.entries(late)) {
    const verifier = new Verifier({ keys, keysTimeout: 5 })
    await t.rejects(verifier.verify(createRequest(several({}, { key: { id: 'other', secret: 'x' } })), PLAIN), {
      statusCode: 503, headers: { 'retry-after': '5' }, expose: true, message: 'Keys cannot be looked up for now', cause: { message: 'keys() did not answer within 5 ms' }
    }, title)
  }
  await new Promise(resolve => setTimeout(resolve, 30))
  t.strictSame(unhandled, [])
  const failure = new Error('no database')
  const oneFails = new Verifier({ keys: id => { if (id === 'other') throw failure; return new Promise(() => {}) }, keysTimeout: 5 })
  await t.rejects(oneFails.verify(createRequest(several({}, { key: { id: 'other', secret: 'x' } })), PLAIN), failure)
  const thenable = new Verifier({ keys: id => ({ then: (resolve: (key?: Key) => void) => { resolve(keys(id)) } }) as unknown as Promise<Key>, keysTimeout: 5 })
  t.equal(await verdict(thenable, signed()), 'ok')
})

t.test('reads each property of a key once', async t => {
  stopClock(t)
  const secrets = [KEY.secret, 'another']
  const permissions = [['a'], ['b']]
  const verifier = new Verifier({ keys: () => ({ get secret () { return secrets.shift()! }, get permissions () { return permissions.shift()! } }) })
  t.strictSame((await verifier.verify(createRequest(signed()), PLAIN)).key.permissions, ['a'])
  t.strictSame(secrets, ['another'])
  const failure = new Error('no vault')
  await t.rejects(new Verifier({ keys: () => ({ get secret (): string { throw failure }, permissions: [] }) }).verify(createRequest(signed()), PLAIN), failure)
})
