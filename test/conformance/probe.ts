import t from 'tap'
import type { Answer } from '../../conformance/answer.js'
import { isLast } from '../../conformance/probe.js'

t.test('The last answer of a connection says so, or is of HTTP/1.0', async t => {
  const last = (version: string, ...connection: string[]): boolean => isLast({ version, fields: connection.map(value => ['Connection', value]) } as unknown as Answer)
  t.equal(last('1.1'), false)
  t.equal(last('1.1', 'keep-alive', 'a, Close'), true)
  t.equal(last('1.0'), true)
  t.equal(last('1.0', 'Keep-Alive'), false)
})
