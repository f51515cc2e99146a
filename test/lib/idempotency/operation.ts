import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createFingerprint, createOperation } from '../../../lib/idempotency/operation.js'

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()

t.test('createOperation() returns the scope, the key and 32 bytes that identify both', async t => {
  const operation = createOperation('alice', 'order-1')
  t.strictSame(operation, { id: sha256(Buffer.from('5:aliceorder-1', 'utf16le')), scope: 'alice', key: 'order-1' })
  t.equal(operation.id.length, 32)
})

t.test('createOperation() returns the same id only for the same scope and key', async t => {
  const ids = ([
    ['a', 'bc'], ['ab', 'c'], ['abc', ''], ['1:a', 'bc'], ['a', '1:abc'], ['A', 'bc'], ['a', 'bC'], ['a', 'bc '], ['a', ' bc'],
    ['é', 'a'], ['e\u0301', 'a'], ['\ud800', 'a'], ['\ud801', 'a'], ['\ufffd', 'a'], ['\ud83d\udd11', 'a']
  ] as const).map(([scope, key]) => createOperation(scope, key).id.toString('hex'))
  t.equal(new Set(ids).size, ids.length)

  const text = fc.string({ unit: fc.constantFrom('1', '2', ':', 'a'), maxLength: 4 })
  fc.assert(fc.property(text, text, text, text, (scope, key, otherScope, otherKey) => {
    const isSameId = createOperation(scope, key).id.equals(createOperation(otherScope, otherKey).id)
    return isSameId === (scope === otherScope && key === otherKey)
  }))
})

t.test('createFingerprint() returns the SHA-256 over the method, the target and the digest of the body', async t => {
  const fingerprint = createFingerprint('POST', '/v2/topic?a=b', sha256('{}'))
  t.strictSame(fingerprint, sha256(Buffer.concat([Buffer.from('POST\n/v2/topic?a=b\n'), sha256('{}')])))
  for (const [method, target, body] of [['PUT', '/v2/topic?a=b', '{}'], ['POST', '/v2/topic?a=c', '{}'], ['POST', '/v2/topic', '{}'], ['POST', '/v2/topic?a=b', '{ }']]) {
    t.notOk(createFingerprint(method, target, sha256(body)).equals(fingerprint), `${method} ${target} ${body}`)
  }
})
