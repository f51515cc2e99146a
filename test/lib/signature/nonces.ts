import t from 'tap'
import { memoryStore } from '../../../lib/signature/memory-store.js'
import type { ReplayStore } from '../../../lib/signature/replay-store.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { KEY } from '../../fixtures/sign.js'
import { createRequest, keys, NOT_VALID, NOW, PLAIN, signed, stopClock, USED, verdict } from '../../fixtures/verify.js'

t.test('requires a nonce, and accepts it once for each key', async t => {
  const time = stopClock(t)
  t.intercept(performance, 'now', { value: () => time.seconds * 1000 })
  const calls: unknown[][] = []
  const memory = memoryStore()
  const store: ReplayStore = { take: (...args) => { calls.push(args); return memory.take(...args) } }
  const verifier = new Verifier({ keys: id => id === 'test:1' ? { secret: 'x', permissions: [] } : keys(id), maxAge: 60, clockSkew: 5, replay: { store } })
  t.match(verifier.createAcceptSignature(PLAIN), /^sig1=\("@method" "@path" "@query"\);created;nonce="[\w-]{22}";alg="hmac-sha256"$/)
  t.not(verifier.createAcceptSignature(PLAIN), verifier.createAcceptSignature(PLAIN))

  const NONCE = 'The signature must have a nonce of 1 to 256 characters'
  for (const parameters of ['', ';nonce', ';nonce=""', ';nonce=1', ';nonce=token', `;nonce="${'x'.repeat(257)}"`]) t.equal(await verdict(verifier, signed({ parameters })), NONCE, parameters)
  t.equal(await verdict(verifier, signed({ key: { id: KEY.id, secret: 'wrong' }, parameters: ';nonce="a"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ key: { id: 'none', secret: KEY.secret }, parameters: ';nonce="a"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ created: 1, parameters: ';nonce="a"' })), 'The signature was created more than 60 seconds ago: sign each request when you send it, and set the clock')
  t.strictSame(calls, [], 'a nonce is marked as used only if the signature is valid')

  t.equal(await verdict(verifier, signed({ parameters: `;nonce="${'x'.repeat(256)}"` })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"' })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"' })), USED)
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"', created: NOW - 1 })), USED, 'also with another signature')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="A"' })), 'ok')
  t.equal(await verdict(verifier, signed({ key: { id: 'test:1', secret: 'x' }, parameters: ';nonce="b"' })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="1:b"' })), 'ok', 'nonces of different keys are different')
  t.strictSame(calls.at(1), ['4:test:a', 66, NOW + 61])

  const late = signed({ created: NOW + 5, parameters: ';nonce="late"' })
  t.equal(await verdict(verifier, late), 'ok')
  time.seconds = NOW + 65
  t.equal(await verdict(verifier, late), USED, 'as long as its signature is valid')
  time.seconds = NOW + 66
  t.match(await verdict(verifier, late), /more than 60 seconds ago/)
})

t.test('throws a 503 without Retry-After for a nonce that was used before', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys, replay: { store: memoryStore() } })
  const fields = signed({ parameters: ';nonce="a"' })
  t.equal(await verdict(verifier, fields), 'ok')
  const error = await verifier.verify(createRequest(fields), PLAIN).catch(error => error)
  t.strictSame({ ...error }, { statusCode: 503, expose: true })
  t.equal(error.message, 'The nonce was used before, so this request may have been processed')
  const forged = { ...fields, signature: 'sig1=:AAAA:' }
  t.equal(await verdict(verifier, forged), NOT_VALID, 'without the key, nobody learns which nonces were used')
  t.equal(await verdict(verifier, signed({ key: { id: KEY.id, secret: 'wrong' }, parameters: ';nonce="b"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="b"' })), 'ok', 'without the key, nobody can use a nonce up')
})

t.test('takes the nonce of an accepted copy, and still throws if the store fails', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys, replay: { store: memoryStore({ max: 2 }) } })
  const copies = { acceptsCopies: true }
  const fields = signed({ parameters: ';nonce="a"' })
  t.equal(await verdict(verifier, fields, copies), 'ok')
  t.equal(await verdict(verifier, fields, copies), 'ok')
  t.equal(await verdict(verifier, fields), USED)
  t.equal(await verdict(verifier, signed({ parameters: '' }), copies), 'The signature must have a nonce of 1 to 256 characters')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="b"' })), 'ok')
  await t.rejects(verifier.verify(createRequest(signed({ parameters: ';nonce="c"' })), { ...PLAIN, ...copies }), { statusCode: 503, headers: { 'retry-after': '5' }, message: 'Nonces cannot be looked up for now' }, 'the store is full')
})

t.test('accepts no request twice after the clock is set back', async t => {
  const wrapped = memoryStore()
  const wrapper: ReplayStore = { take: (nonce, lifetime) => wrapped.take(nonce, lifetime) }
  const stores = { memoryStore: memoryStore(), 'a store that passes on two arguments': wrapper }
  for (const [title, store] of Object.entries(stores)) {
    t.test(title, async t => {
      const time = stopClock(t)
      let elapsed = 0
      t.intercept(performance, 'now', { value: () => elapsed * 1000 })
      const pass = (seconds: number, set = 0): void => { elapsed += seconds; time.seconds += seconds + set }
      const verifier = new Verifier({ keys, maxAge: 60, clockSkew: 5, replay: { store } })
      const sent = (nonce: string) => signed({ created: Math.floor(time.seconds), parameters: `;nonce="${nonce}"` })
      const refused = async (fields: Record<string, string>): Promise<boolean> => await verifier.verify(createRequest(fields), PLAIN).then(() => false, ({ statusCode }) => statusCode === 503)

      const first = sent('first')
      t.equal(await verdict(verifier, first), 'ok')
      pass(100, -100)
      t.equal(await verdict(verifier, first), USED, 'while its signature is valid')
      t.equal(await verdict(verifier, sent('second')), 'ok', 'a new nonce passes')
      pass(70)
      t.match(await verdict(verifier, first), /more than 60 seconds ago/)
      const third = sent('third')
      t.equal(await verdict(verifier, third), 'ok')
      pass(1, -71)
      t.ok(await refused(first), 'its nonce may be forgotten')
      pass(80)
      t.equal(await verdict(verifier, sent('fourth')), 'ok', 'requests pass after the clock has caught up')
      const fifth = sent('fifth')
      t.equal(await verdict(verifier, fifth), 'ok')
      pass(1, 3600)
      t.equal(await verdict(verifier, sent('sixth')), 'ok', 'the clock is ahead')
      pass(1, -3600)
      t.ok(await refused(fifth), 'the clock is set back')
      // Without the third argument, the store cannot tell a new signature from a forgotten one.
      if (store !== wrapper) t.equal(await verdict(verifier, sent('seventh')), 'ok')
    })
  }
})

t.test('throws a 503 if the store fails, does not settle, or returns no boolean', async t => {
  stopClock(t)
  const fields = signed({ parameters: ';nonce="a"' })
  const down = new Error('no store')
  const stores: Record<string, [take: () => unknown, cause: unknown]> = {
    throws: [() => { throw down }, down],
    rejects: [async () => { throw down }, down],
    'rejects with nothing': [async () => await Promise.reject(undefined), undefined], // eslint-disable-line prefer-promise-reject-errors
    hangs: [async () => await new Promise(() => {}), { message: 'The store of nonces did not answer within 5 ms' }],
    'rejects too late': [async () => await new Promise((_resolve, reject) => { setTimeout(() => { reject(down) }, 20) }), { message: 'The store of nonces did not answer within 5 ms' }],
    'resolves too late': [async () => await new Promise(resolve => { setTimeout(() => { resolve(true) }, 20) }), { message: 'The store of nonces did not answer within 5 ms' }]
  }
  for (const [title, [take, cause]] of Object.entries(stores)) {
    const verifier = new Verifier({ keys, replay: { store: { take: take as ReplayStore['take'] }, timeout: 5 } })
    await t.rejects(verifier.verify(createRequest(fields), PLAIN), { statusCode: 503, headers: { 'retry-after': '5' }, expose: true, message: 'Nonces cannot be looked up for now', cause }, title)
  }
  await new Promise(resolve => setTimeout(resolve, 30))

  for (const value of [undefined, null, 1, 'OK', {}]) {
    for (const take of [() => value, async () => value]) {
      const verifier = new Verifier({ keys, replay: { store: { take: take as unknown as ReplayStore['take'] } } })
      await t.rejects(verifier.verify(createRequest(fields), PLAIN), { statusCode: 503, cause: { message: 'The store of nonces must return true or false' } }, `${String(value)} is not a boolean`)
    }
  }
  const verifier = new Verifier({ keys, replay: { store: { take: async () => true } } })
  t.equal(await verdict(verifier, fields), 'ok')
})
