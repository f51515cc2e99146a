import t from 'tap'
import { isJson, isMediaType, isPlainText, isSameMediaType } from '../../lib/media-type.js'

t.test('isMediaType accepts valid media types only', async t => {
  for (const text of ['a/b', 'application/vnd.api+json', 'text/plain;charset=utf-8', 'text/plain ; a="b;c" ;\td=e']) t.ok(isMediaType(text), text)
  for (const text of ['', 'a', 'a/', '/b', 'a/b/c', 'a /b', 'a/b;', 'a/b; c', 'a/b; c="d', '+a/b', `a/${'b'.repeat(128)}`]) t.notOk(isMediaType(text), text)
})

t.test('isSameMediaType returns true for equivalent media types', async t => {
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

t.test('isSameMediaType returns false for different media types', async t => {
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

t.test('isJson recognizes JSON media types', async t => {
  for (const json of ['application/json', 'Application/JSON', 'application/json ; charset=utf-8', 'application/vnd.api+json', 'a/b+JSON;c=d']) {
    t.ok(isJson(json), json)
  }
  for (const other of ['text/plain', 'text/json', 'application/jsonx', 'application/json-seq', 'a/b; c=d+json', 'application/xml;a="x/y+json"', 'xapplication/json']) {
    t.notOk(isJson(other), other)
  }
})

t.test('isPlainText recognizes text/plain', async t => {
  for (const text of ['text/plain', 'Text/PLAIN', 'text/plain ; charset=utf-8', 'text/plain;format=flowed']) {
    t.ok(isPlainText(text), text)
  }
  for (const other of ['text/html', 'text/plainer', 'a/b; c=text/plain', 'xtext/plain', '']) {
    t.notOk(isPlainText(other), other)
  }
})
