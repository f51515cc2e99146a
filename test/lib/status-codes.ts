import t from 'tap'
import { STATUS_CODES, toClassCode, isUnsuccessful, createPhrases } from '../../lib/status-codes.js'

t.test('has the status codes of the contract, with their phrases and decorators', async t => {
  t.strictSame(Object.entries(STATUS_CODES).map(([code, { phrase, decorator }]) => [code, phrase, decorator]), [
    ['400', 'Bad Request', 'badRequest'],
    ['401', 'Unauthorized', 'unauthorized'],
    ['403', 'Forbidden', 'forbidden'],
    ['404', 'Not Found', 'notFound'],
    ['422', 'Unprocessable Entity', 'unprocessable'],
    ['500', 'Internal Server Error', 'internalServerError'],
    ['501', 'Not Implemented', 'notImplemented'],
    ['503', 'Service Unavailable', 'serviceUnavailable']
  ])
})

t.test('createPhrases() maps status codes to phrases', async t => {
  t.strictSame([...createPhrases()], [
    [400, 'Bad Request'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'Not Found'],
    [422, 'Unprocessable Entity'],
    [500, 'Internal Server Error'],
    [501, 'Not Implemented'],
    [503, 'Service Unavailable']
  ])
})

t.test('createPhrases() returns a new map each time', async t => {
  createPhrases().set(429, 'Too Many Requests').delete(404)
  t.equal(createPhrases().has(429), false)
  t.equal(createPhrases().get(404), 'Not Found')
})

t.test('isUnsuccessful() returns true for status codes from 400', async t => {
  for (const code of [100, 101, 103, 200, 204, 206, 301, 304, 399]) t.equal(isUnsuccessful(code), false, `${code} is not`)
  for (const code of [400, 404, 418, 499, 500, 503, 599, 600, 999]) t.equal(isUnsuccessful(code), true, `${code} is`)
})

t.test('toClassCode returns the x00 code of the class', async t => {
  for (const code of [400, 402, 405, 406, 408, 409, 413, 414, 415, 417, 418, 429, 431, 451, 499]) t.equal(toClassCode(code), 400, `${code} as 400`)
  for (const code of [500, 502, 504, 505, 507, 511, 599]) t.equal(toClassCode(code), 500, `${code} as 500`)
})

t.test('toClassCode returns 500 for a status code above 599', async t => {
  for (const code of [600, 999]) t.equal(toClassCode(code), 500, `${code} as 500`)
})
