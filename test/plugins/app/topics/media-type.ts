import t from 'tap'
import { isMediaType, isSameMediaType } from '../../../../plugins/app/topics/media-type.js'

t.test('isMediaType() accepts a type, a subtype and well-formed parameters only', async t => {
  for (const text of ['a/b', 'application/vnd.api+json', 'text/plain;charset=utf-8', 'text/plain ; a="b;c" ;\td=e']) t.ok(isMediaType(text), text)
  for (const text of ['', 'a', 'a/', '/b', 'a/b/c', 'a /b', 'a/b;', 'a/b; c', 'a/b; c="d', '+a/b', `a/${'b'.repeat(128)}`]) t.notOk(isMediaType(text), text)
})

t.test('isSameMediaType() ignores case, quotes and the order of parameters', async t => {
  for (const [a, b] of [
    ['application/json', 'application/json'],
    ['Application/JSON', 'application/json'],
    ['text/plain;charset=utf-8', 'text/plain ; Charset="UTF-8"'],
    ['a/b; c=d; e=f', 'a/b;E=f;c="d"'],
    ['multipart/mixed; boundary="a\\"b;c"', 'Multipart/Mixed;boundary="a\\"b;c"']
  ]) {
    t.ok(isSameMediaType(a, b), `${a} = ${b}`)
    t.ok(isSameMediaType(b, a), `${b} = ${a}`)
  }
})

t.test('isSameMediaType() is false for other types or parameters, and for texts that are not media types', async t => {
  for (const [a, b] of [
    ['application/json', 'text/json'],
    ['application/json', 'application/json; charset=utf-8'],
    ['text/plain; charset=utf-8', 'text/plain; charset=latin1'],
    ['a/b; c=d', 'a/b; c=D'],
    ['a/b; c=d', 'a/b; e=d'],
    ['a/b; c="d,e"', 'a/b; c=d; e=d'],
    ['json', 'application/json'],
    ['', ''],
    ['none', 'none']
  ]) {
    t.notOk(isSameMediaType(a, b), `${a} ≠ ${b}`)
    t.notOk(isSameMediaType(b, a), `${b} ≠ ${a}`)
  }
})
