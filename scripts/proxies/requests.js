// The requests that are sent through each proxy.
import { BODY_LIMIT } from './service.js'

/** Requests that the service responds to itself. */
export const ANSWERED = [
  { method: 'GET', path: '/topic' },
  { method: 'HEAD', path: '/topic' },
  { method: 'GET', path: '/topic/none' },
  { method: 'HEAD', path: '/topic/none' },
  // The message quotes the URL, so it shows whether the proxy has changed the URL.
  { method: 'GET', path: '/none/a%2Fb//c?d=%7e+e' },
  { method: 'POST', path: '/topic', body: '{"name":"orders"}' },
  // The service sends the response before it has received the whole body.
  { method: 'POST', path: '/topic', body: JSON.stringify('a'.repeat(BODY_LIMIT * 30)) },
  { method: 'GET', path: '/away' },
  { method: 'HEAD', path: '/away' }
]

export const MISSING = { method: 'GET', path: '/topic/none' }
export const SLOW = { method: 'GET', path: '/slow' }
export const DOWN = { method: 'GET', path: '/down' }

const HOST = 'Host: localhost\r\n'
const KILOBYTES_40 = 'a'.repeat(40_000)
// More bytes than any proxy buffers before it forwards a body.
const LARGE = 'a'.repeat(0x40000)

function streamed (field, body) {
  return `POST /stream HTTP/1.1\r\n${HOST}Content-Type: application/octet-stream\r\n${field}\r\n\r\n${body}`
}

/** Can replace the second part of a request: the client closes its side of the connection, and continues to read. */
export const HALF_CLOSE = Symbol('half-close')

export const BAD_CHUNK = 'a bad chunk'
export const NO_RANGE = 'a range that is not there'

/**
 * Requests over HTTP/1.1 that a proxy rejects itself or passes on: the bytes of
 * each, in one or two parts, by its name in docs/proxies.md.
 */
export const RAW_REQUESTS = {
  'a NUL in the method': ['G\0T / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  'a URI of 40 KB': [`GET /${KILOBYTES_40} HTTP/1.1\r\n${HOST}\r\n`],
  'a field of 40 KB': [`GET /none HTTP/1.1\r\n${HOST}X: ${KILOBYTES_40}\r\n\r\n`],
  '500 fields': [`GET /none HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(500)}\r\n`],
  'a space in the URI': [`GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  'no Host': ['GET /none HTTP/1.1\r\n\r\n'],
  'HTTP/9.9': [`GET /none HTTP/9.9\r\n${HOST}\r\n`],
  CONNECT: [`CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`],
  'Expect: none': [`GET /none HTTP/1.1\r\n${HOST}Expect: none\r\n\r\n`],
  'Transfer-Encoding: none': [streamed('Transfer-Encoding: none', '')],
  'Transfer-Encoding: none, chunked': [streamed('Transfer-Encoding: none, chunked', '0\r\n\r\n')],
  'two lengths': [streamed('Content-Length: 3\r\nContent-Length: 4', 'abcd')],
  'TLS on the port without': [Buffer.from(`16030100c8010000c40303${'00'.repeat(190)}`, 'hex')],
  'a head that stops': ['GET /none HTTP/1.1\r\nHost: l'],
  'a body that stops': [streamed('Content-Length: 300000', LARGE)],
  'a body that ends early': [streamed('Content-Length: 300000', LARGE), HALF_CLOSE],
  [BAD_CHUNK]: [streamed('Transfer-Encoding: chunked', `40000\r\n${LARGE}\r\n`), 'no chunk\r\n'],
  [NO_RANGE]: [streamed('Content-Length: 3\r\nRange: bytes=1000-', 'abc')]
}

/** Such requests over HTTP/2: the fields of each request. A POST sends the start of a body, and does not end the body. */
export const RAW_STREAMS = {
  'a URI of 40 KB': { ':path': `/${KILOBYTES_40}` },
  'a field of 40 KB': { ':path': '/none', x: KILOBYTES_40 },
  '500 fields': { ':path': '/none', ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, 'a'])) },
  'Expect: none': { ':path': '/none', expect: 'none' },
  'a body that stops': { ':path': '/stream', ':method': 'POST', 'content-type': 'application/octet-stream', 'content-length': 10 }
}
