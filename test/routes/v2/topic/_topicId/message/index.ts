import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { DatabaseOptions } from '../../../../../../plugins/app/database/index.js'
import type { MessageOptions } from '../../../../../../plugins/app/messages/index.js'
import { MAX_BODY_BYTES, MAX_BODY_DEPTH } from '../../../../../../schemas/message-body.js'
import { AcceptedMessage, MessagePage } from '../../../../../../schemas/message.js'
import { databases, sqlite } from '../../../../../fixtures/database.js'
import { assertInjectedError, matchesSchema, createService } from '../../../../../fixtures/service.js'

const nowhere = `EBT-${'0'.repeat(32)}`

async function messages (t: Test, options: DatabaseOptions & MessageOptions, mediaType = 'application/json') {
  const app = await createService(t, options)
  const { topicId } = (await app.inject({ method: 'POST', url: '/v2/topic', payload: { name: mediaType, description: '', mediaType } })).json()
  const url = `/v2/topic/${topicId}/message`
  return {
    app,
    topicId,
    url,
    post: (payload: object | string) => app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } }),
    /** Waits until the page of a query has this many items, and returns the page. */
    async page (query: string, length: number) {
      for (;;) {
        const response = await app.inject(`${url}?${query}`)
        if (response.statusCode !== 200 || response.json().items.length === length) return response
        await setTimeout(5)
      }
    }
  }
}

for (const { name, skip, open } of databases) {
  t.test(`on ${name}`, { skip }, async t => {
    t.test('accepts messages and lists them by position', async t => {
      const { app, topicId, url, post, page } = await messages(t, await open(t))
      const empty = await page('', 0)
      t.strictSame(empty.json(), { limit: 500, prevId: null, nextId: null, items: [] })

      const ids: string[] = []
      for (const body of [1, { two: 2 }, null]) {
        const response = await post({ body })
        t.equal(response.statusCode, 202)
        t.ok(matchesSchema(AcceptedMessage, response.json()))
        const { messageId } = response.json()
        t.strictSame(response.json(), { messageId, status: 'accepted' })
        t.match(messageId, /^EBM-[0-9a-f]{32}$/)
        t.equal(response.headers.location, `/v2/message/${messageId}`)
        t.notOk('eb-reason-phrase' in response.headers)
        t.equal((await app.inject(response.headers.location!)).statusCode, 200)
        ids.push(messageId)
      }

      const all = await page('', 3)
      t.ok(matchesSchema(MessagePage, all.json()))
      t.match(all.json().items, ids.map((messageId, index) => ({ messageId, topicId, status: 'stored', position: index + 1 })))
      t.strictSame(all.json().items.map(({ body }: { body: unknown }) => body), [1, { two: 2 }, null])
      t.notOk('eb-before' in all.headers)
      t.notOk('eb-after' in all.headers)

      const second = await page(`limit=1&afterId=${ids[0]}`, 1)
      t.match(second.json(), { limit: 1, prevId: ids[1], nextId: ids[1], items: [{ messageId: ids[1] }] })
      t.match(second.headers, { 'eb-before': ids[1], 'eb-after': ids[1] })
      t.same((await app.inject(`${url.replace(topicId, `EBT-${topicId.slice(4).toUpperCase()}`)}?limit=1&beforeId=${ids[2]}`)).json(), second.json())
      assertInjectedError(t, await app.inject(`${url}?afterId=EBM-${'0'.repeat(32)}`), 422, 'beforeId and afterId must be stored messages of this topic')

      await app.inject({ method: 'DELETE', url: `/v2/topic/${topicId}` })
      assertInjectedError(t, await post({ body: 4 }), 404, `No topic ${topicId}`)
      assertInjectedError(t, await app.inject(url), 404, `No topic ${topicId}`)
      t.match((await app.inject(`/v2/message/${ids[0]}`)).json(), { status: 'stored' }, 'returns a stored message of a deleted topic by its id')
    })

    t.test('sends 503 while too many messages wait', async t => {
      const { post } = await messages(t, { ...await open(t), messageBacklog: 0 })
      const response = await post({ body: 1 })
      assertInjectedError(t, response, 503, 'Too many messages wait to be stored')
      t.match(response.headers['retry-after'], /^\d+$/)
    })
  })
}

t.test('accepts an equivalent form of the media type of the topic, and sends 422 for another media type', async t => {
  const { post, page } = await messages(t, await sqlite.open(t), 'application/vnd.a+json; charset=utf-8')
  const same = 'Application/VND.A+JSON;Charset="UTF-8"'
  t.equal((await post({ mediaType: same, body: 1 })).statusCode, 202)
  t.equal((await post({ body: 2 })).statusCode, 202)
  t.match((await page('', 2)).json().items, [{ mediaType: same }, { mediaType: 'application/vnd.a+json; charset=utf-8' }])
  for (const mediaType of ['application/json', 'application/vnd.a+json', 'none', '']) {
    assertInjectedError(t, await post({ mediaType, body: 1 }), 422, `The media type "${mediaType}" must be "application/vnd.a+json; charset=utf-8", the media type of the topic`)
  }
  assertInjectedError(t, await post({ mediaType: 'a/b\r\nc', body: 1 }), 422, /^The media type "a\/b\\r\\nc" must be /)
  // Node's parser accepts these malformed media types.
  for (const mediaType of [` ${same}`, `${same}\n`, `${same};\0`, `${same};`]) {
    assertInjectedError(t, await post({ mediaType, body: 1 }), 422, /^The media type /)
  }
})

t.test('a JSON body', async t => {
  const { post, page } = await messages(t, await sqlite.open(t))
  const all = ['text', 'a\0b', '\ud83d', [], { deep: [{ ü: false }] }]
  for (const body of all) t.equal((await post({ body })).statusCode, 202)
  t.strictSame((await page('', all.length)).json().items.map(({ body }: { body: unknown }) => body), all)

  t.test('has at most 256 KiB', async t => {
    const { post, page } = await messages(t, await sqlite.open(t))
    const largest = 'x'.repeat(MAX_BODY_BYTES - 2)
    t.equal((await post({ body: largest })).statusCode, 202)
    t.equal((await post({ body: 'é'.repeat(MAX_BODY_BYTES / 2 - 1) })).statusCode, 202)
    t.equal((await post(`{ "body": "${'\\u0078'.repeat(MAX_BODY_BYTES - 2)}"${' '.repeat(100_000)} }`)).statusCode, 202, 'does not count escapes and white space')
    assertInjectedError(t, await post({ body: `${largest}x` }), 400, `body/body must NOT have more than ${MAX_BODY_BYTES} bytes, and has ${MAX_BODY_BYTES + 1}`)
    assertInjectedError(t, await post({ body: 'é'.repeat(MAX_BODY_BYTES / 2) }), 400, /^body\/body must NOT have more than/)
    assertInjectedError(t, await post({ body: 'x'.repeat(8 * MAX_BODY_BYTES) }), 400, 'Request body is too large')
    const { items } = (await page('', 3)).json()
    t.ok(items[0].body === largest && items[2].body === largest)
  })

  t.test('reads back the same', async t => {
    const reason = `body/body is nested deeper than ${MAX_BODY_DEPTH} levels, or has a number out of range`
    assertInjectedError(t, await post('{"body":[1e999]}'), 422, reason)
    assertInjectedError(t, await post(`{"body":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 422, reason)
  })

  t.test('keeps the sign of -0', async t => {
    const { app, post, page } = await messages(t, await sqlite.open(t))
    const texts = ['-0', '{"a":[-0,0,"-0"],"b":1.5}']
    for (const text of texts) {
      const { messageId } = (await post(`{"body":${text}}`)).json()
      t.match((await app.inject(`/v2/message/${messageId}`)).payload, `"body":${text}}`)
    }
    t.strictSame((await page('', 2)).payload.match(/(?<="body":).*?(?=\}[,\]])/g), texts)
  })

  t.test('is rejected if a double would change a number, or if two members have the same name', async t => {
    const { post } = await messages(t, await sqlite.open(t))
    assertInjectedError(t, await post('{"body":{"id":12345678901234567890}}'), 422, 'body has the number 12345678901234567890, which a double (IEEE 754) would change')
    assertInjectedError(t, await post('{"body":{"id":1,"id":2}}'), 422, 'body has an object with two members of the same name')
    assertInjectedError(t, await post('{"body":1,"body":2}'), 422, 'body has an object with two members of the same name')
    assertInjectedError(t, await post('{"body":{"__proto__":1}}'), 400, /^Body is not valid JSON/)
  })

  t.test('is rejected if it is not UTF-8', async t => {
    const { post, app, url } = await messages(t, await sqlite.open(t))
    const bytes = Buffer.from('{"body":"a\xf0\x9f\x98"}', 'latin1')
    assertInjectedError(t, await app.inject({ method: 'POST', url, payload: bytes, headers: { 'content-type': 'application/json' } }), 400, 'The body is not UTF-8')
    assertInjectedError(t, await post(''), 400, /^Body cannot be empty/)
    assertInjectedError(t, await post('{'), 400, /^Body is not valid JSON/)
    t.equal((await post('\ufeff{"body":1}')).statusCode, 202)
  })
})

t.test('accepts only base64 for any other media type', async t => {
  const { post, page } = await messages(t, await sqlite.open(t), 'text/plain')
  for (const body of ['aGVsbG8=', '']) t.equal((await post({ body })).statusCode, 202)
  t.strictSame((await page('', 2)).json().items.map(({ body }: { body: unknown }) => body), ['aGVsbG8=', ''])
  for (const body of ['hello!', 'aGVsbG8', 7, null, { a: 1 }]) {
    assertInjectedError(t, await post({ body }), 422, 'body/body must be base64 with padding, because the media type of the topic is "text/plain"')
  }
  t.equal((await post({ body: Buffer.alloc(MAX_BODY_BYTES).toString('base64') })).statusCode, 202)
  assertInjectedError(t, await post({ body: Buffer.alloc(MAX_BODY_BYTES + 1).toString('base64') }), 400, `body/body must NOT have more than ${MAX_BODY_BYTES} bytes, and has ${MAX_BODY_BYTES + 1}`)
})

t.test('sends 400 or 404 for an invalid request', async t => {
  const { app, url, post } = await messages(t, await sqlite.open(t))
  assertInjectedError(t, await post({}), 400, "body must have required property 'body'")
  assertInjectedError(t, await post({ body: 1, colour: 'red' }), 400, 'body has an unknown property: colour')
  assertInjectedError(t, await post({ body: 1, mediaType: 1 }), 400, 'body/mediaType must be string')
  assertInjectedError(t, await post([1]), 400, 'body must be object')
  assertInjectedError(t, await app.inject({ method: 'POST', url: `/v2/topic/${nowhere}/message`, payload: { body: 1 } }), 404, `No topic ${nowhere}`)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/v2/topic/x/message', payload: { body: 1 } }), 400, /^params\/topicId must match pattern/)
  assertInjectedError(t, await app.inject(`/v2/topic/${nowhere}/message`), 404, `No topic ${nowhere}`)
  assertInjectedError(t, await app.inject(`${url}?limit=0`), 400, /^querystring\/limit must be/)
  assertInjectedError(t, await app.inject(`${url}?name=a`), 400, 'querystring has an unknown property: name')
  assertInjectedError(t, await app.inject(`${url}?beforeId=${nowhere}`), 400, /^querystring\/beforeId must match pattern/)
})
