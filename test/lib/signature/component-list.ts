import t from 'tap'
import { ComponentList, KnownLists } from '../../../lib/signature/component-list.js'
import { parseDictionary, type InnerList } from '../../../lib/signature/structured-fields.js'

function listOf (text: string): ComponentList {
  return new ComponentList(parseDictionary(`a=${text}`).get('a') as InnerList)
}

t.test('has the strict serialization of the list, and the covered components', async t => {
  const list = listOf('(  "@method"   "content-digest";sf=?1 );created=1')
  t.equal(list.text, '("@method" "content-digest";sf)')
  t.strictSame([...list.covered], ['"@method"', '"content-digest";sf'])
  t.equal(list.coversDigest, true)
  t.equal(listOf('("@method" "x-content-digest")').coversDigest, false)
})

t.test('knows at most 256 lists', async t => {
  const lists = new KnownLists()
  const texts = Array.from({ length: 257 }, (_, i) => `("x-${i}")`)
  for (const text of texts.slice(0, 256)) lists.add(listOf(text))
  lists.add(listOf(texts[0]))
  t.ok(texts.slice(0, 256).every(text => lists.get(text)?.text === text))
  lists.add(listOf(texts[256]))
  t.equal(texts.filter(text => lists.get(text) !== undefined).length, 1)
})
