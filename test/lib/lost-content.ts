import t from 'tap'
import { losesContent } from '../../lib/lost-content.js'
import { MAX_EXAMINED_BODY_LENGTH, messageFromBody } from '../../lib/message.js'

const loses = (body: string | Uint8Array) => losesContent(body, messageFromBody(body))

t.test('finds content that is neither in the message nor in the status code', async t => {
  for (const body of [
    { errors: ['The name is taken', 'The size is too large'] },
    { errors: [{ field: 'name', rule: 'unique' }] },
    { code: 'E_TAKEN' },
    { ok: false },
    { attempts: 3 },
    { message: 'It is taken', code: 'E_TAKEN' },
    { message: 'It is taken', details: { field: 'name' } },
    { message: 'It is taken', attempts: 3 },
    { type: 'https://example.com/taken', title: 'Conflict', detail: 'It is taken' },
    { statusCode: 409, error: 'Conflict', message: 'It is taken', details: ['name'] },
    { error: 'invalid_grant', error_description: 'It has expired' },
    ['a', 'b'],
    42,
    true
  ]) t.ok(loses(JSON.stringify(body)), JSON.stringify(body))
  t.ok(loses('<h1>Not here</h1>'), 'a page')
  t.ok(loses(Buffer.from([0, 1, 2])), 'binary data')
  t.ok(loses(JSON.stringify({ message: 'a'.repeat(MAX_EXAMINED_BODY_LENGTH) })), 'JSON that is too long to be read')
})

t.test('finds no lost content if all of it is in the message or in the status code', async t => {
  for (const body of [
    { message: 'It is taken' },
    { message: 'It is taken', success: false, data: null, errors: [] },
    { statusCode: 409, error: 'Conflict', message: 'It is taken' },
    { statusCode: 400, code: 'FST_ERR_VALIDATION', error: 'Bad Request', message: 'body/name must be string' },
    { type: 'about:blank', status: 409, title: 'Conflict', detail: 'It is taken' },
    { error: { message: 'It is taken' } },
    { errors: [{ message: 'It is taken' }] },
    { error: 'Conflict' },
    'It is taken',
    {},
    [],
    { errors: [] },
    '',
    null
  ]) t.notOk(loses(JSON.stringify(body)), JSON.stringify(body))
  for (const text of ['It is taken', '[It is taken', ' \n', '']) t.notOk(loses(text), JSON.stringify(text))
  t.notOk(loses(Buffer.from('It is taken')), 'bytes of a text')
})
