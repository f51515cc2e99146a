import type { Random } from './random.js'

/** A well-formed request (RFC 9112). */
export interface GeneratedRequest {
  method: string
  bytes: Buffer
}

const TARGETS = [
  '/ok', '/ok', '/text/0', '/text/10', '/text/5000', '/stream', '/late', '/empty', '/not-modified', '/throw', '/reject', '/refuse', '/raw', '/valid/1', '/valid/x',
  '/cut', '/before', '/echo', '/upload', '/signed', '/none', '/', '/%', '/a%20b', '/ok?a=b&c', '/valid/' + '1'.repeat(200), '//', '/./..', '*', 'http://a/ok'
]
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']
const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/octet-stream', 'multipart/form-data', 'x', '']
const BODIES = ['{"name":"a"}', '{"name":1}', '{}', '[]', 'null', '""', '{', '{"__proto__":{"a":1}}', '', 'a text', '\0\xff', '{"name":"' + 'é'.repeat(20) + '"}', 'x'.repeat(20_000)]
const FIELDS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['Accept', ['*/*', 'text/html', '']],
  ['Cookie', ['a=b', 'a=b; c=d']],
  ['User-Agent', ['a fuzzer', 'x'.repeat(1000)]],
  ['X-Field', ['', 'a', 'a, b', 'é', '\xff', '"', 'x'.repeat(3000)]],
  ['Connection', ['x', 'TE']],
  ['TE', ['trailers']],
  ['Expect', ['100-continue', '100-continue', '200-ok']],
  ['Upgrade', ['websocket', 'h2c']],
  ['If-None-Match', ['*', '"1"']],
  ['Range', ['bytes=0-1']],
  ['Origin', ['http://a']],
  ['Forwarded', ['for=1']],
  ['Signature-Input', [
    'sig1=("@method" "@path" "@query");created=1;keyid="dev"', 'sig1=("@method");keyid="dev";alg="hmac-sha256"', 'sig1=()', 'a=("x";key="y" "x";sf);created=1;keyid="none", b=("@query-param";name="a");keyid="dev"', '=', '("', 'sig1=("@authority" "@target-uri" "content-digest" "cookie";bs);created=99999999999;keyid="dev"'
  ]],
  ['Signature', ['sig1=:AAAA:', 'sig1=:', 'a=:AAAA:, b=:BBBB:', 'sig1="x"']],
  ['Content-Digest', ['sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:', 'sha-512=:AAAA:', 'x', 'sha-256=:AAAA:, sha-512=:AAAA:']]
]

/** Returns a random well-formed request, whose body is sent with a length or in chunks. */
export function generateRequest (random: Random, { last = false } = {}): GeneratedRequest {
  const method = random.pick(METHODS)
  const version = random.chance(0.05) ? 'HTTP/1.0' : 'HTTP/1.1'
  const lines = [`${method} ${random.pick(TARGETS)} ${version}`, 'Host: a']
  if (!last && (version === 'HTTP/1.0' || random.chance(0.1))) lines.push('Connection: keep-alive')
  for (const [name, values] of random.several(0, 4, () => random.pick(FIELDS))) lines.push(`${random.chance(0.1) ? name.toUpperCase() : name}: ${random.pick(values)}`)
  if (last) lines.push('Connection: close')
  let body = ''
  if (random.chance(method === 'GET' || method === 'HEAD' ? 0.1 : 0.8)) {
    body = random.pick(BODIES)
    if (random.chance(0.8)) lines.push(`Content-Type: ${random.pick(TYPES)}`)
    if (version === 'HTTP/1.0' || random.chance(0.6)) lines.push(`Content-Length: ${body.length}`)
    else {
      lines.push('Transfer-Encoding: chunked')
      if (random.chance(0.2)) lines.push('Trailer: X-Sum')
      body = encodeChunked(random, body)
    }
  }
  return { method, bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1') }
}

function encodeChunked (random: Random, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(Math.max(body.length / 2, 1))
    const chunk = body.slice(at, at + size)
    at += size
    const extension = random.pick(['', '', ';a', ';a=b', ';a="b c"'])
    text += `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`
  }
  return `${text}0\r\n${random.chance(0.2) ? 'X-Sum: 1\r\n' : ''}\r\n`
}
