import t from 'tap'
import { NonceReusedError, SignatureError } from '../../../lib/signature/errors.js'

t.test('SignatureError is a 401 with its own header fields', async t => {
  const error = new SignatureError('The signature has expired')
  t.strictSame({ ...error }, { statusCode: 401, headers: {} })
  t.equal(error.message, 'The signature has expired')
  t.not(error.headers, new SignatureError('').headers)
})

t.test('NonceReusedError is a 503 without Retry-After, and its message is sent', async t => {
  t.strictSame({ ...new NonceReusedError() }, { statusCode: 503, expose: true })
})
