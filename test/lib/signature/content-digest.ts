import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { ContentDigest } from '../../../lib/signature/content-digest.js'
import { Fields } from '../../../lib/signature/fields.js'

const JSON_LF = '{"hello": "world"}\n'
const COMPRESSED = Buffer.from('0b09807b2268656c6c6f223a2022776f726c64227d0a03', 'hex')

// The examples of RFC 9530 and RFC 9421.
const PUBLISHED: Array<[title: string, content: string | Buffer, field: string]> = [
  ['B.1, all of it', JSON_LF, 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'],
  ['section 2, sha-512', JSON_LF, 'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:'],
  ['B.2, none', '', 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'],
  ['B.3, a part', '"world"}\n', 'sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:'],
  ['appendix B, brotli', COMPRESSED, 'sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:'],
  ['appendix B, brotli, both', COMPRESSED, 'sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:, sha-512=:db7fdBbgZMgX1Wb2MjA8zZj+rSNgfmDCEEXM8qLWfpfoNY0sCpHAzZbj09X1/7HAb7Od5Qfto4QpuBsFbUO3dQ==:'],
  ['appendix B, of a request', '{"title": "New Title"}\n', 'sha-256=:mEkdbO7Srd9LIOegftO0aBX+VPTVz7/CSHes2Z27gc4=:'],
  ['RFC 9421 B.2', '{"hello": "world"}', 'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:']
]

function digestOf (field: string): ContentDigest | undefined {
  return ContentDigest.fromField(new Fields(['Content-Digest', field]).dictionary('content-digest'))
}

function matches (field: string, ...pieces: Array<string | Uint8Array>): boolean | undefined {
  const digest = digestOf(field)
  for (const piece of pieces) digest?.update(piece)
  return digest?.matches()
}

t.test('matches the contents and digests of RFC 9530 and RFC 9421', async t => {
  for (const [title, content, field] of PUBLISHED) {
    for (const [, algorithm, value] of field.matchAll(/sha-(\d+)=:([^:]*):/g)) {
      t.equal(createHash(`sha${algorithm}`).update(content).digest('base64'), value, `${title}: the vector is right`)
    }
    t.equal(matches(field, content), true, title)
    t.equal(matches(field, content, '\n'), false, `${title}, with one more line`)
    t.equal(matches(field.replace(/:([^:])/, (_, first: string) => `:${first === 'A' ? 'B' : 'A'}`), content), false, `${title}, with another digest`)
  }
})

t.test('requires every sha-256 and sha-512 digest to match', async t => {
  const right = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'
  const wrong = 'sha-512=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'
  t.equal(matches(right, JSON_LF), true)
  t.equal(matches(`${right}, ${wrong}`, JSON_LF), false)
  t.equal(matches(`${wrong}, ${right}`, JSON_LF), false)
  t.equal(matches(`md5=:AAAA:, ${right}, unixsum=1`, JSON_LF), true, 'other algorithms make no difference')
  t.equal(matches('sha-256=::', JSON_LF), false)
  t.equal(matches('sha-256=:RK/0qy18:', JSON_LF), false, 'a part of the digest')
})

t.test('returns undefined for a field without a usable digest', async t => {
  for (const field of [
    '', ' ', 'sha-256', 'sha-256=1', 'sha-256="RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="', 'sha-256=:%:', 'sha-256=:AA', 'sha-256=:A:',
    'sha-256=(:AAAA:)', 'sha-256=:AAAA:,', 'SHA-256=:AAAA:', 'md5=:AAAA:', 'sha-1=:AAAA:', 'sha-256=:AAAA:, sha-512', '\u00e9', 'sha-256=:AAAA: x'
  ]) {
    t.equal(digestOf(field), undefined, JSON.stringify(field))
  }
})

t.test('matches content in any chunks, but not with one bit changed', async t => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 10 }), fc.constantFrom('256', '512'), fc.nat(), (pieces, size, bit) => {
    const content = Buffer.concat(pieces)
    const field = `sha-${size}=:${createHash(`sha${size}`).update(content).digest('base64')}:`
    t.equal(matches(field, ...pieces), true)
    if (content.length === 0) return
    content[(bit >> 3) % content.length] ^= 1 << (bit & 7)
    t.equal(matches(field, content), false)
  }), { numRuns: 200 })
})

t.test('reads the common form of a field as the general form', async t => {
  const digest = 'RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg'
  const field = fc.tuple(fc.constantFrom('sha-256', 'sha-256', 'sha-256', 'sha-512', 'SHA-256', ' sha-256'), fc.constantFrom('=:', '=:', '=', '=::'), fc.constantFrom(digest, digest.slice(1), digest.replace('g', 'h'), `${digest}A`, digest.replace('/', '_')), fc.constantFrom('=:', '=:', '=:', ':', '=', '==:', '=:;a', '=:, a=1'))
    .map(parts => parts.join(''))
  let read = 0
  fc.assert(fc.property(field, fc.constantFrom(JSON_LF, 'else'), (field, content) => {
    const digest = ContentDigest.fromCommonForm(field)
    if (digest === undefined) return
    read++
    digest.update(content)
    t.equal(digest.matches(), matches(field, content), field)
  }), { numRuns: 2000 })
  t.ok(read > 20, `${read} in the common form`)
})

t.test('returns the sha-256 digest of the field', async t => {
  for (const [title, content, field] of PUBLISHED) {
    const expected = field.includes('sha-256') ? createHash('sha256').update(content).digest('hex') : undefined
    const { sha256 } = digestOf(field)!
    t.equal(sha256 && Buffer.from(sha256).toString('hex'), expected, title)
  }
})

t.test('accepts the complete content in one chunk', async t => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 3 }), fc.constantFrom('256', '512'), (content, other, size) => {
    for (const digested of [content, other]) {
      const field = `sha-${size}=:${createHash(`sha${size}`).update(digested).digest('base64')}:`
      const digest = digestOf(field)!
      digest.setContent(content)
      t.equal(digest.matches(), matches(field, content))
    }
  }))
  for (const [title, content, field] of PUBLISHED) {
    for (const [bytes, expected] of [[Buffer.from(content), true], [Buffer.from(`${content}x`), false]] as const) {
      const digest = digestOf(field)!
      digest.setContent(bytes)
      t.equal(digest.matches(), expected, title)
    }
    const digest = digestOf(field)!
    digest.setContent(Buffer.from(content))
    digest.update('x')
    t.equal(digest.matches(), false, `${title}, and more content than its length says`)
  }
})
