import t from 'tap'
import { isJson, isPlainText } from '../../lib/media-type.js'

t.test('isJson() recognizes the media types of JSON', async t => {
  for (const json of ['application/json', 'Application/JSON', 'application/json ; charset=utf-8', 'application/vnd.api+json', 'a/b+JSON;c=d']) {
    t.ok(isJson(json), json)
  }
  for (const other of ['text/plain', 'text/json', 'application/jsonx', 'application/json-seq', 'a/b; c=d+json', 'application/xml;a="x/y+json"', 'xapplication/json']) {
    t.notOk(isJson(other), other)
  }
})

t.test('isPlainText() recognizes the media type of plain text', async t => {
  for (const text of ['text/plain', 'Text/PLAIN', 'text/plain ; charset=utf-8', 'text/plain;format=flowed']) {
    t.ok(isPlainText(text), text)
  }
  for (const other of ['text/html', 'text/plainer', 'a/b; c=text/plain', 'xtext/plain', '']) {
    t.notOk(isPlainText(other), other)
  }
})
