import t from 'tap'
import { isLastOnConnection, type HttpResponse } from '../../../conformance/exchange/response.js'

t.test('isLastOnConnection() is true for Connection: close, and for HTTP/1.0 without keep-alive', async t => {
  const last = (version: string, ...connection: string[]): boolean => isLastOnConnection({ version, fields: connection.map(value => ['Connection', value]) } as unknown as HttpResponse)
  t.equal(last('1.1'), false)
  t.equal(last('1.1', 'keep-alive', 'a, Close'), true)
  t.equal(last('1.0'), true)
  t.equal(last('1.0', 'Keep-Alive'), false)
})
