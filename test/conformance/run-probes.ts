import t, { type Test } from 'tap'
import { probes } from '../../conformance/probes/index.js'
import { MAX_EXCHANGE_BYTES } from '../../conformance/exchange/exchange.js'
import { selectProbes } from '../../conformance/probes/select.js'
import type { Http1Probe, Probe } from '../../conformance/probes/probe.js'
import { rules } from '../../conformance/rules.js'
import { runProbes, runProbe } from '../../conformance/run-probes.js'
import type { Target } from '../../conformance/target.js'
import { startConformingServer, startConformingHttp2Server, type ResponseDraft, type Mutation } from '../fixtures/conforming-server.js'
import { ENDLESS_RESPONSES, ENDLESS_HTTP2_RESPONSES, startUnfinishedServer, startUnfinishedHttp2Server, SLOW_RESPONSES, SLOW_HTTP2_RESPONSES } from '../fixtures/unfinished-responses.js'

const brokenRules = new Set<string>()

/** Returns the ids of the rules that a server breaks, by probe. */
async function findBrokenRules (target: Target, protocol: Probe['protocol'], only: string[] = []): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for await (const { probe, violations } of runProbes(target, selectProbes(target, [protocol], [], { only }), 8)) {
    if (violations.length > 0) found[probe.id] = [...new Set(violations.map(({ rule }) => rule.id))]
  }
  return found
}

t.test('finds no violations on a server that keeps the contract', async t => {
  t.strictSame(await findBrokenRules(await startConformingServer(t), 'http/1.1'), {})
  t.strictSame(await findBrokenRules(await startConformingHttp2Server(t), 'h2'), {})
})

const slowBody = probes.find(({ id }) => id === 'connection-slow-body') as Http1Probe

t.test('finds no violations if no known request has a body', async t => {
  for (const [target, protocol] of [[await startConformingServer(t), 'http/1.1'], [await startConformingHttp2Server(t), 'h2']] as const) {
    for (const url of ['/', '/nothing']) {
      target.requests = [{ url }]
      t.strictSame(await findBrokenRules(target, protocol), {})
    }
    t.equal((await slowBody.createSteps(target)).length, 1)
  }
})

const isError = ({ statusCode }: ResponseDraft): boolean => statusCode >= 400

/** Returns a mutation that changes only errors. */
const errors = (mutate: Mutation): Mutation => (draft, asked) => isError(draft) ? mutate(draft, asked) : undefined

const set = (draft: ResponseDraft, name: string, value?: string): void => {
  draft.fields = draft.fields.filter(([field]) => field.toLowerCase() !== name)
  if (value !== undefined) draft.fields.push([name, value])
}

// Each row: a mutation of responses, the probe that must find it, and the rules that it breaks.
const mutations: Array<[title: string, mutate: Mutation, probe: string, rules: string[]]> = [
  ['a body of one byte', errors(draft => { set(draft, 'content-length', '1'); draft.body = 'x' }), 'text-no-resource', ['no-body', 'content-length']],
  ['a byte after an empty body', errors(draft => { draft.behind = 'x' }), 'text-no-resource', ['no-body']],
  ['a body after Content-Length: 0', errors((draft, { method }) => {
    if (method === 'HEAD') draft.behind = 'x'
  }), 'text-no-resource-head', ['no-body']],
  ['a body and its length only after HEAD', errors((draft, { method }) => {
    if (method !== 'HEAD') return
    set(draft, 'content-length', '1')
    draft.behind = 'x'
  }), 'text-no-resource-head', ['content-length', 'no-body']],
  ['a body only on the second pipelined response', errors((draft, { index }) => {
    if (index === 1) draft.behind = 'x'
  }), 'connection-pipelined', ['no-body']],
  ['no length', errors(draft => { set(draft, 'content-length') }), 'text-no-resource', ['content-length']],
  ['the length of the GET response after HEAD', errors((draft, { method }) => {
    if (method === 'HEAD') set(draft, 'content-length', '9')
  }), 'text-no-resource-head', ['content-length']],
  ['a Content-Type', errors(draft => { set(draft, 'Content-Type', 'application/json') }), 'text-no-resource', ['no-representation-metadata']],
  ['an ETag', errors(draft => { set(draft, 'etag', '"a"') }), 'text-no-resource', ['no-representation-metadata']],
  ['chunked with no data', errors(draft => {
    set(draft, 'content-length')
    set(draft, 'transfer-encoding', 'chunked')
    draft.body = '0\r\n\r\n'
  }), 'text-no-resource', ['content-length', 'no-representation-metadata']],
  ['chunked with no data, and a trailer', errors(draft => {
    set(draft, 'content-length')
    set(draft, 'transfer-encoding', 'chunked')
    draft.body = '0\r\nA: b\r\n\r\n'
  }), 'text-no-resource', ['content-length', 'no-representation-metadata', 'no-trailers']],
  ['no header', errors(draft => { set(draft, 'eb-reason-phrase') }), 'text-no-resource', ['header']],
  ['an empty header', errors(draft => { set(draft, 'eb-reason-phrase', '') }), 'text-no-resource', ['header']],
  ['the header twice', errors(draft => { draft.fields.push(['EB-REASON-PHRASE', draft.phrase]) }), 'text-no-resource', ['header']],
  ['513 characters in the header', errors(draft => {
    set(draft, 'eb-reason-phrase', 'x'.repeat(513))
    draft.phrase = 'x'.repeat(128)
  }), 'text-no-resource', ['header-length']],
  ['a byte in the header that is not ASCII', errors(draft => {
    set(draft, 'eb-reason-phrase', 'caf\xe9')
    draft.phrase = 'caf?'
  }), 'text-no-resource', ['header-ascii', 'phrase-matches-header']],
  ['a tab in the header', errors(draft => {
    set(draft, 'eb-reason-phrase', `${'x'.repeat(128)}\ty`)
    draft.phrase = 'x'.repeat(128)
  }), 'text-no-resource', ['header-ascii']],
  ['no reason phrase', errors(draft => { draft.phrase = '' }), 'text-no-resource', ['phrase']],
  ['129 characters in the reason phrase', errors(draft => {
    set(draft, 'eb-reason-phrase', 'x'.repeat(129))
    draft.phrase = 'x'.repeat(129)
  }), 'text-no-resource', ['phrase-length', 'phrase-matches-header']],
  ['129 characters of a long message in the reason phrase', errors(draft => {
    draft.phrase = (draft.fields[0]![1]).slice(0, 129)
  }), 'text-over-128', ['phrase-length', 'phrase-matches-header']],
  ['a byte in the reason phrase that is not ASCII', errors(draft => { draft.phrase = 'caf\xe9' }), 'text-no-resource', ['phrase-ascii', 'phrase-matches-header']],
  ['the reason phrase of the table', errors(draft => { draft.phrase = 'Not Found' }), 'text-no-resource', ['phrase-matches-header']],
  ['a 418', errors(draft => { draft.statusCode = 418 }), 'text-no-resource', ['status-in-table']],
  ['a 405 only for HEAD', errors((draft, { method }) => { if (method === 'HEAD') draft.statusCode = 405 }), 'text-no-resource-head', ['status-in-table']],
  ['a 401 without a challenge', draft => { set(draft, 'www-authenticate') }, 'requests-3', ['challenge']],
  ['the header on a success', draft => { if (!isError(draft)) set(draft, 'eb-reason-phrase', 'OK') }, 'text-root', ['success-without-header']],
  ['the header on a 103', draft => { draft.before = 'HTTP/1.1 103 Early Hints\r\nEB-REASON-PHRASE: a\r\n\r\n' }, 'text-root', ['success-without-header']],
  ['a status line that ends with LF', errors(draft => { draft.before = 'HTTP/1.1 404 a\n' }), 'text-no-resource', ['syntax']],
  ['a truncated status line', errors(draft => {
    draft.before = 'HTTP/1.1 404 a\r\nEB-R\r\nx'
  }), 'text-no-resource', ['syntax']],
  ['no response', errors(() => false), 'text-no-resource', ['answered']],
  ['two responses', errors((draft, { pipelined }) => {
    if (!pipelined) draft.behind = 'HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 0\r\n\r\n'
  }), 'connection-many-errors', ['one-answer', 'close-is-last']],
  ['a response after the last one', errors(draft => {
    draft.behind = 'HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 0\r\n\r\n'
  }), 'text-no-resource', ['one-answer', 'close-is-last']],
  ['responses in another order', (draft, { pipelined, index, path }) => {
    if (!pipelined || path === '/' || index > 1) return
    draft.statusCode = 200
    set(draft, 'eb-reason-phrase')
  }, 'connection-pipelined', ['pipelining-order']],
  ['another status code for a repeated request', (draft, { index }) => {
    if (index === 2 && !isError(draft)) draft.statusCode = 202
  }, 'connection-pipelined', ['pipelining-order']],
  ['an error before the earlier response', (draft, { index, path }) => {
    if (index !== 1 || path !== '/') return
    draft.statusCode = 400
    draft.phrase = 'Bad'
    draft.fields = [['EB-REASON-PHRASE', 'Bad'], ['Content-Length', '0']]
    draft.body = ''
  }, 'connection-pipelined-malformed', ['pipelining-order']]
]

for (const [title, mutate, probe, expected] of mutations) {
  t.test(`finds the violation: ${title}`, async t => {
    const found = await findBrokenRules(await startConformingServer(t, mutate), 'http/1.1', [probe])
    t.strictSame(found[probe], expected)
    for (const rule of expected) brokenRules.add(rule)
  })
}

t.test('finds violations in HTTP/2', async t => {
  const isBad = (asked: Record<string, unknown>): boolean => asked[':path'] !== '/'
  const cases: Array<[title: string, Parameters<typeof startConformingHttp2Server>[1], probe: string, rules: string[]]> = [
    ['a body', (headers, asked, body) => {
      if (!isBad(asked)) return
      delete headers['content-length']
      body.text = 'x'
    }, 'http2-text-no-resource', ['no-body']],
    ['a length', (headers, asked) => { if (asked[':method'] === 'HEAD') headers['content-length'] = '9' }, 'http2-text-no-resource-head', ['content-length']],
    ['metadata', (headers, asked) => { if (isBad(asked)) headers['content-type'] = 'text/plain' }, 'http2-text-no-resource', ['no-representation-metadata']],
    ['trailers', (_, asked, body) => { if (isBad(asked)) body.trailers = { a: 'b' } }, 'http2-text-no-resource', ['no-trailers']],
    ['no header', headers => { delete headers['eb-reason-phrase'] }, 'http2-text-no-resource', ['header']],
    ['a long header', (headers, asked) => { if (isBad(asked)) headers['eb-reason-phrase'] = 'x'.repeat(513) }, 'http2-text-over-512', ['header-length']],
    ['a 418', (headers, asked) => { if (isBad(asked)) headers[':status'] = 418 }, 'http2-text-no-resource', ['status-in-table']],
    ['the header on a success', headers => { headers['eb-reason-phrase'] = 'a' }, 'http2-text-good', ['success-without-header']],
    ['no response', () => false, 'http2-text-no-resource', ['answered']],
    ['no response to one of several streams', (_, asked) => asked[':method'] !== 'HEAD', 'http2-connection-concurrent', ['answered']]
  ]
  for (const [title, mutate, probe, expected] of cases) {
    const found = await findBrokenRules(await startConformingHttp2Server(t, mutate), 'h2', [probe])
    t.strictSame(found[probe], expected, title)
  }
})

t.test('these tests have a mutation for each rule, except the rules for idempotency keys', async t => {
  t.strictSame([...brokenRules].sort(), rules.map(({ id }) => id).filter(id => !id.startsWith('idempotency-')).sort())
})

t.test('reports an unreachable server', async t => {
  const target = await startConformingServer(t)
  target.port = 1
  for (const id of ['text-no-resource', 'http2-text-no-resource']) {
    const { violations } = await runProbe(target, probes.find(probe => probe.id === id)!)
    t.match(violations, [{ rule: { id: 'answered' }, found: /ECONNREFUSED/ }])
  }
})

t.test('allows a truncated success, but not a truncated error', async t => {
  const cut = (statusCode: number): Mutation => draft => {
    draft.statusCode = statusCode
    set(draft, 'content-length', '10')
    draft.body = 'x'
  }
  t.strictSame(await findBrokenRules(await startConformingServer(t, cut(200)), 'http/1.1', ['text-no-resource-post']), {})
  t.strictSame(await findBrokenRules(await startConformingServer(t, cut(404)), 'http/1.1', ['text-no-resource-post']), { 'text-no-resource-post': ['syntax'] })
})

t.test('rejects with the error that the headers hook throws', async t => {
  const target = await startConformingServer(t)
  target.headers = () => { throw new Error('no key') }
  await t.rejects(findBrokenRules(target, 'http/1.1', ['text']), { message: 'no key' })
})

t.test('passes no probe on a server that never completes a response', async t => {
  const only = { 'http/1.1': ['text-no-resource', 'text-not-ascii-bytes', 'framing-garbage', 'connection-kept-alive'], h2: ['http2-text-no-resource', 'http2-routing-unknown-method', 'http2-connection'] }
  // After HEAD, a 404 without a length is complete. Over HTTP/2, Node also treats a 200 as complete.
  const skip = ['text-no-resource-head', 'connection-kept-alive-head', 'http2-text-no-resource-head']

  const passed = async (t: Test, { target }: { target: Target }, protocol: Probe['protocol']): Promise<void> => {
    const probes = selectProbes(target, [protocol], [], { only: only[protocol], skip })
    t.ok(probes.length > 4)
    for await (const { probe, violations, exchange } of runProbes(target, probes, probes.length)) {
      t.ok(violations.length > 0, `${probe.id}: ${exchange.end}`)
      t.ok(exchange.received.length <= 64 * 1024)
    }
  }

  t.test('because it stops or sends slowly', async t => {
    await Promise.all([
      ...Object.entries(SLOW_RESPONSES).map(async ([title, respond]) => t.test(title, async t => {
        const server = await startUnfinishedServer(t, respond)
        server.target.timeout = 1000
        await passed(t, server, 'http/1.1')
      })),
      ...Object.entries(SLOW_HTTP2_RESPONSES).map(async ([title, respond]) => t.test(`HTTP/2: ${title}`, async t => {
        const server = await startUnfinishedHttp2Server(t, respond)
        server.target.timeout = 1000
        await passed(t, server, 'h2')
      }))
    ])
  })

  // The maximum number of bytes that the server can write although the kit does not read them: the socket buffers of both sides.
  const buffered = 16 * 1024 * 1024

  t.test('because it writes endlessly', async t => {
    for (const [title, respond] of Object.entries(ENDLESS_RESPONSES)) {
      const server = await startUnfinishedServer(t, respond)
      t.comment(title)
      await passed(t, server, 'http/1.1')
      t.ok(Math.max(...server.written()) < MAX_EXCHANGE_BYTES + buffered)
    }
    for (const [title, respond] of Object.entries(ENDLESS_HTTP2_RESPONSES)) {
      const server = await startUnfinishedHttp2Server(t, respond)
      t.comment(`HTTP/2: ${title}`)
      await passed(t, server, 'h2')
      t.ok(Math.max(...server.written()) < MAX_EXCHANGE_BYTES + 2 * buffered)
    }
  })
})

t.test('checks the header section of an error without waiting for the body', async t => {
  const [probe] = selectProbes(await startConformingServer(t), ['http/1.1'], [], { only: ['text-no-resource-post'] })
  const responses: Array<[title: string, bytes: string, rules: string[]]> = [
    ['a length, and silence', 'HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 5000\r\n\r\n', ['content-length']],
    ['a length, and the start of a body', 'HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 5000\r\n\r\nabc', ['no-body', 'content-length']],
    ['no length, and silence', 'HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\n\r\n', ['content-length']],
    ['chunks', 'HTTP/1.1 500 a\r\nEB-REASON-PHRASE: a\r\nTransfer-Encoding: chunked\r\n\r\n', ['content-length', 'no-representation-metadata']]
  ]
  for (const [title, bytes, rules] of responses) {
    const { target } = await startUnfinishedServer(t, socket => { socket.write(bytes) })
    target.timeout = 2 ** 31 - 1
    const { violations, exchange } = await runProbe(target, probe!)
    t.strictSame(violations.map(({ rule }) => rule.id), rules, title)
    t.equal(exchange.end, 'left')
  }
})

t.test('reports truncated responses', async t => {
  const [probe] = selectProbes(await startConformingServer(t), ['http/1.1'], [], { only: ['text-no-resource-post'] })
  const [two] = selectProbes(await startConformingServer(t), ['http/1.1'], [], { only: ['framing-length-disagreeing'] })
  const found = async (bytes: string, end: 'end' | 'resetAndDestroy' | 'resume', sent = probe!): Promise<string[]> => {
    const { target } = await startUnfinishedServer(t, socket => { socket.write(bytes, () => { setTimeout(() => { socket[end]() }, 50) }) })
    target.timeout = 1000
    return (await runProbe(target, sent)).violations.map(({ rule, found }) => `${rule.id}: ${found.replace(/:.*/s, '')}`)
  }
  t.strictSame(await found('HTTP/1.1 404 a\r\nEB-R', 'resetAndDestroy'), ['answered: 0 of 1 responses; connection'])
  t.strictSame(await found('HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 9\r\n\r\n', 'resetAndDestroy'), ['content-length: Content-Length 9'])
  t.strictSame(await found('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'resetAndDestroy'), [])
  t.strictSame(await found('HTTP/1.1 404 a\r\nEB-R', 'end'), ['syntax: The response is truncated'])
  t.strictSame(await found('HTTP/1.1 404 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 O', 'resume'), ['one-answer: bytes after the response'])
  t.strictSame(await found('HTTP/1.1 400 a\r\nEB-REASON-PHRASE: a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 400 O', 'resume', two), [], 'the server can read two requests')
  t.strictSame(await found('HTTP/1.1 100 Continue\r\n\r\n', 'resume'), ['answered: 0 of 1 responses; connection'])
})

t.test('allows a server that waits for the rest of a request', async t => {
  const { target } = await startUnfinishedServer(t, socket => { socket.write('HTTP/1.1 100 Continue\r\n\r\n') })
  target.timeout = 500
  t.strictSame(await runProbe(target, probes.find(({ id }) => id === 'framing-cut-section')!).then(({ violations }) => violations), [])
})

t.test('accepts a 2xx to CONNECT as a tunnel', async t => {
  const connect = probes.filter(({ id }) => id.endsWith('routing-connect'))
  const { target } = await startUnfinishedServer(t, socket => { socket.write('HTTP/1.1 200 OK\r\n\r\nanything') })
  t.strictSame((await runProbe(target, connect[0]!)).violations, [])
  const { target: chunked } = await startUnfinishedServer(t, socket => { socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n') })
  chunked.timeout = 1000
  t.match((await runProbe(chunked, connect[0]!)).violations, [{ rule: { id: 'syntax' } }])
  const { target: http2 } = await startUnfinishedHttp2Server(t, SLOW_HTTP2_RESPONSES['a 200 without END_STREAM']!)
  t.strictSame((await runProbe(http2, connect[1]!)).violations, [])
})

t.test('allows that the stream of a success is reset', async t => {
  const target = await startConformingHttp2Server(t, () => {}, stream => {
    stream.respond({ ':status': 200 })
    stream.write('a', () => { stream.close(2) })
    return false
  })
  t.strictSame(await findBrokenRules(target, 'h2', ['http2-text-no-resource-post']), {})
})
