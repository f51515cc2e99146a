import type { Random } from './random.js'

type Mutation = (random: Random, bytes: Buffer) => Buffer

const INSERTED = [
  '\r', '\n', '\r\n', '\r\n\r\n', '\0', ' ', '\t', '\r\n ', '\r\n\t', ':', ';', ',', '%', '\x7f', '\xff', '\x80', 'HTTP/1.1', 'HTTP/2.0', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'Content-Length: 5\r\n', 'Content-Length: 18446744073709551616\r\n', 'Content-Length: -1\r\n', 'Content-Length: +1\r\n', 'Content-Length: 0x1\r\n', 'Content-Length: 1, 1\r\n',
  'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding: chunked, chunked\r\n', 'Transfer-Encoding: \x0bchunked\r\n', 'Transfer-Encoding : chunked\r\n',
  'Host: b\r\n', 'Host:\r\n', 'Expect: 100-continue\r\n', 'Expect: x\r\n', 'Connection: close\r\n', 'Connection: upgrade\r\nUpgrade: websocket\r\n', 'Upgrade: h2c\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /ok HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n', '0\r\n\r\n', 'ffffffffffffffff\r\n', '1;', '\x16\x03\x01\x02\0\x01'
]
const NUMBERS = ['0', '1', '00', '-1', '+1', '1.0', '1e3', '0x10', '99999999', '4294967296', '9007199254740993', '18446744073709551615', '18446744073709551616', '9'.repeat(100), '']

const at = (random: Random, bytes: Buffer): number => random.below(bytes.length + 1)

const splice = (bytes: Buffer, from: number, to: number, between: Buffer | string = ''): Buffer =>
  Buffer.concat([bytes.subarray(0, from), typeof between === 'string' ? Buffer.from(between, 'latin1') : between, bytes.subarray(to)])

function range (random: Random, bytes: Buffer): [from: number, to: number] {
  const from = at(random, bytes)
  return [from, Math.min(bytes.length, from + 1 + random.below(random.chance(0.7) ? 8 : 200))]
}

/** Returns the start and the end of a random line, including its line break. */
function line (random: Random, bytes: Buffer): [from: number, to: number] {
  const somewhere = at(random, bytes)
  const from = bytes.lastIndexOf('\r\n', Math.max(somewhere - 1, 0)) + 2
  const end = bytes.indexOf('\r\n', from)
  return [from === 1 ? 0 : from, end < 0 ? bytes.length : end + 2]
}

const MUTATIONS: readonly Mutation[] = [
  function flip (random, bytes) {
    const flipped = Buffer.from(bytes)
    for (const index of random.several(1, 4, () => random.below(bytes.length))) flipped[index]! ^= 1 << random.below(8)
    return flipped
  },
  function replace (random, bytes) {
    const [from] = range(random, bytes)
    return splice(bytes, from, from + 1, Buffer.from([random.below(256)]))
  },
  (random, bytes) => splice(bytes, ...range(random, bytes)),
  function duplicate (random, bytes) {
    const [from, to] = range(random, bytes)
    return splice(bytes, to, to, bytes.subarray(from, to))
  },
  (random, bytes) => bytes.subarray(0, at(random, bytes)),
  (random, bytes) => bytes.subarray(at(random, bytes)),
  function insert (random, bytes) {
    const place = at(random, bytes)
    return splice(bytes, place, place, random.pick(INSERTED))
  },
  function insertLine (random, bytes) {
    const [from] = line(random, bytes)
    return splice(bytes, from, from, random.pick(INSERTED))
  },
  function repeatLine (random, bytes) {
    const [from, to] = line(random, bytes)
    const times = random.chance(0.05) ? 500 : 1 + random.below(3)
    return splice(bytes, to, to, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(from, to))))
  },
  (random, bytes) => splice(bytes, ...line(random, bytes)),
  function swapLines (random, bytes) {
    const [from, to] = line(random, bytes)
    const without = splice(bytes, from, to)
    const [place] = line(random, without)
    return splice(without, place, place, bytes.subarray(from, to))
  },
  function number (random, bytes) {
    const digits = [...bytes.toString('latin1').matchAll(/\d+/g)]
    if (digits.length === 0) return bytes
    const found = random.pick(digits)
    return splice(bytes, found.index!, found.index! + found[0].length, random.pick(NUMBERS))
  },
  function grow (random, bytes) {
    const place = at(random, bytes)
    return splice(bytes, place, place, random.pick(['a', '0', ' ', '\r\n', '\0', '%', 'é']).repeat(random.pick([10, 200, 9000, 20_000])))
  },
  (random, bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\r\n', random.pick(['\n', '\r', '\n\r', '\r\r\n', ' \r\n'])), 'latin1')
]

/** Returns the bytes with one to eight random changes. */
export function mutate (random: Random, bytes: Buffer): Buffer {
  for (let count = random.pick([1, 1, 1, 2, 2, 3, 5, 8]); count > 0 && bytes.length > 0; count--) bytes = random.pick(MUTATIONS)(random, bytes)
  return bytes
}

/** Splits the bytes into pieces, as a network could split them. */
export function splitIntoPieces (random: Random, bytes: Buffer): Buffer[] {
  if (random.chance(0.5) || bytes.length < 2) return [bytes]
  const places = [...random.several(1, 6, () => at(random, bytes)), 0, bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end)).filter(piece => piece.length > 0)
}
