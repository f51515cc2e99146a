import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bytesOf, textOf } from './values.js'

/** A handler that passes the value of a run to the library. */
export type EntryPoint = (value: any, statusCode: number, reply: FastifyReply, request: FastifyRequest) => unknown

export const DECORATORS = ['badRequest', 'unauthorized', 'forbidden', 'notFound', 'unprocessable', 'internalServerError', 'notImplemented', 'serviceUnavailable'] as const

const decorator = (statusCode: number): typeof DECORATORS[number] => DECORATORS[statusCode % DECORATORS.length]!

const errorOf = (value: unknown): Error => value instanceof Error ? value : Object.assign(new Error('x'), { message: value })

/** Calls of decorators. If the value is a string, it must be the message of the response. */
export const DECORATOR_CALLS: Record<string, EntryPoint> = {
  decorator: (value, statusCode, reply) => { reply[decorator(statusCode)](value) },
  'decorator, async': async (value, statusCode, reply) => reply[decorator(statusCode)](value),
  'decorator, later': (value, statusCode, reply) => { setImmediate(() => { reply[decorator(statusCode)](value) }) }
}

/** Thrown, rejected, sent and returned errors. With a 5xx, the message must appear only in the log. */
export const THROWN_ERRORS: Record<string, EntryPoint> = {
  throw: value => { throw value },
  reject: async value => { throw value },
  'reject, later': value => new Promise((_resolve, reject) => { setImmediate(reject, value) }),
  'reject after a status': async (value, statusCode, reply) => { reply.code(statusCode); throw value },
  'throw an error': value => { throw errorOf(value) },
  'send an error': (value, _statusCode, reply) => { reply.send(errorOf(value)) },
  'send an error with a status': (value, statusCode, reply) => { reply.code(statusCode).send(errorOf(value)) },
  'return an error': async value => errorOf(value)
}

/** Payloads that are sent with the status code of the run. */
export const SENT_PAYLOADS: Record<string, EntryPoint> = {
  'send a value': (value, statusCode, reply) => { reply.code(statusCode).send(value) },
  'return a value': async (value, statusCode, reply) => { reply.code(statusCode); return value },
  'send JSON': (value, statusCode, reply) => { reply.code(statusCode).send({ message: value }) },
  'return JSON': async (value, statusCode, reply) => { reply.code(statusCode); return { detail: value } },
  'send a problem': (value, statusCode, reply) => { reply.code(statusCode).type('application/problem+json').send({ title: value, detail: value }) },
  'send errors': (value, statusCode, reply) => { reply.code(statusCode).send({ error: { message: value }, errors: [value] }) },
  'send JSON as a text': (value, statusCode, reply) => { reply.code(statusCode).type('application/json').send(JSON.stringify({ message: textOf(value) })) },
  'send a text': (value, statusCode, reply) => { reply.code(statusCode).send(textOf(value)) },
  'send a text as JSON': (value, statusCode, reply) => { reply.code(statusCode).type('application/json').send(textOf(value)) },
  'send HTML': (value, statusCode, reply) => { reply.code(statusCode).type('text/html').send(textOf(value)) },
  'send a Buffer': (value, statusCode, reply) => { reply.code(statusCode).send(bytesOf(value)) },
  'send bytes': (value, statusCode, reply) => { reply.code(statusCode).send(new Uint8Array(bytesOf(value))) },
  'send a stream': (value, statusCode, reply) => { reply.code(statusCode).send(Readable.from([bytesOf(value)])) },
  'send a stream that fails': (value, statusCode, reply) => {
    reply.code(statusCode).send(new Readable({ read () { this.destroy(errorOf(value)) } }))
  },
  'send a stream of text': (value, statusCode, reply) => { reply.code(statusCode).type('text/plain').send(Readable.from([bytesOf(value)])) },
  'send a stream of JSON in parts': (value, statusCode, reply) => {
    const bytes = Buffer.from(JSON.stringify({ message: textOf(value).slice(0, 100_000) }))
    reply.code(statusCode).type('application/json').send(Readable.from([bytes.subarray(0, 15), bytes.subarray(15, 17), bytes.subarray(17)]))
  },
  'send a stream of text that fails': (value, statusCode, reply) => {
    reply.code(statusCode).type('text/plain').send(Readable.from((async function * () { yield bytesOf(value); throw new Error(textOf(value)) })()))
  },
  'send a web stream of text': (value, statusCode, reply) => { reply.code(statusCode).type('text/plain').send(new Response(new Uint8Array(bytesOf(value))).body) },
  'send a web stream': (value, statusCode, reply) => { reply.code(statusCode).send(new Response(new Uint8Array(bytesOf(value))).body) },
  'send a Response': (value, statusCode, reply) => { reply.send(new Response(new Uint8Array(bytesOf(value)), { status: statusCode })) },
  'send a Response with its own text': (value, statusCode, reply) => { reply.send(new Response(null, { status: statusCode, statusText: textOf(value) })) },
  'send with a serializer': (value, statusCode, reply) => { reply.code(statusCode).serializer(() => value).send({ a: 1 }) },
  'send with a serializer that throws': (value, statusCode, reply) => { reply.code(statusCode).serializer(() => { throw value }).send({ a: 1 }) },
  'send what has a toJSON': (value, statusCode, reply) => { reply.code(statusCode).send({ toJSON: () => value }) },
  'send what has a toJSON that throws': (value, statusCode, reply) => { reply.code(statusCode).send({ toJSON: () => { throw value } }) },
  'send twice': (value, statusCode, reply) => { reply.code(statusCode).send(textOf(value)); reply.send(textOf(value)) },
  'send, then throw': (value, statusCode, reply) => { reply.code(statusCode).send(textOf(value)); throw value },
  'send in a header': (value, statusCode, reply) => { reply.code(statusCode).header('eb-reason-phrase', value).send() },
  'send another header': (value, statusCode, reply) => { reply.code(statusCode).header('x-other', value).send({ message: 'another' }) },
  'send a header by any name': (value, statusCode, reply) => { reply.code(statusCode).header(textOf(value), 'x').send({ message: 'another' }) },
  'send a challenge': (value, _statusCode, reply) => { reply.header('www-authenticate', value).unauthorized('who?') },
  'send a type': (value, statusCode, reply) => { reply.code(statusCode).type(value).send('a text') },
  'send a trailer': (value, statusCode, reply) => { reply.code(statusCode).trailer('x-sum', (_reply, _payload, done) => { done(null, textOf(value)) }).send('a text') },
  'retry after': (value, _statusCode, reply) => { reply.serviceUnavailable('later', { retryAfter: value }) },
  'any options': (value, _statusCode, reply) => { reply.serviceUnavailable(value, Object(value)) },
  redirect: (value, _statusCode, reply) => { reply.redirect(textOf(value), 422) },
  'not found': (value, _statusCode, reply, request) => { request.raw.url = textOf(value); reply.callNotFound() },
  'attached to the request': (value, statusCode, reply, request) => { reply.code(statusCode).send({ message: `${request.url} ${textOf(value)}` }) }
}

// Node calls a function as a callback, and does not catch its errors.
const noCallback = (value: unknown): unknown => typeof value === 'function' ? undefined : value

/** Writes to the raw response, bypassing Fastify. */
const UNGUARDED_RAW_WRITES: Record<string, EntryPoint> = {
  'raw phrase': (value, statusCode, { raw }) => { raw.writeHead(statusCode, value); raw.end() },
  'raw phrase and headers': (value, statusCode, { raw }) => { raw.writeHead(statusCode, value, { 'x-a': 'b' }); raw.end('a body') },
  'raw statusMessage': (value, statusCode, { raw }) => { raw.statusCode = statusCode; raw.statusMessage = value; raw.end('a body') },
  'raw header': (value, statusCode, { raw }) => { raw.writeHead(statusCode, { 'EB-REASON-PHRASE': value }); raw.end() },
  'raw headers as a list': (value, statusCode, { raw }) => { raw.writeHead(statusCode, ['eb-reason-phrase', value, 'x-a', value]); raw.end() },
  'raw headers as pairs': (value, statusCode, { raw }) => { raw.writeHead(statusCode, [['eb-reason-phrase', value], ['x-a', 'b']] as never); raw.end() },
  'raw headers': (value, statusCode, { raw }) => { raw.writeHead(statusCode, value); raw.end('a body') },
  'raw setHeader': (value, statusCode, { raw }) => { raw.setHeader('eb-reason-phrase', value); raw.statusCode = statusCode; raw.end('a body') },
  'raw setHeader of another': (value, statusCode, { raw }) => { raw.setHeader('x-other', value); raw.writeHead(statusCode); raw.end('a body') },
  'raw end': (value, statusCode, { raw }) => { raw.writeHead(statusCode); raw.end(noCallback(value)) },
  'raw end of a text': (value, statusCode, { raw }) => { raw.writeHead(statusCode); raw.end(textOf(value)) },
  'raw end of bytes': (value, statusCode, { raw }) => { raw.statusCode = statusCode; raw.end(bytesOf(value)) },
  'raw end of JSON': (value, statusCode, { raw }) => { raw.writeHead(statusCode, { 'content-type': 'application/json' }); raw.end(JSON.stringify({ message: textOf(value) })) },
  'raw end in an encoding': (value, statusCode, { raw }) => { raw.statusCode = statusCode; raw.end(textOf(value), 'latin1', () => {}) },
  'raw writes': (value, statusCode, { raw }) => { raw.statusCode = statusCode; raw.write(noCallback(value)); raw.write(noCallback(value)); raw.end(noCallback(value)) },
  'raw writes of text': (value, statusCode, { raw }) => { raw.writeHead(statusCode); raw.write(textOf(value), 'utf8', () => {}); raw.end(textOf(value)); raw.end() },
  'raw write, later the end': (value, statusCode, { raw }) => { raw.writeHead(statusCode); setImmediate(() => { raw.end(textOf(value)) }) },
  'raw flush': (value, statusCode, { raw }) => { raw.statusCode = statusCode; raw.flushHeaders(); raw.end(textOf(value)) },
  'raw head twice': (value, statusCode, { raw }) => { raw.writeHead(statusCode, textOf(value)); raw.writeHead(statusCode); raw.end() },
  'raw trailers': (value, statusCode, { raw }) => { raw.writeHead(statusCode, { trailer: 'x' }); raw.addTrailers({ x: textOf(value) }); raw.end('a body') },
  'raw early hints': (value, statusCode, { raw }) => { raw.writeHead(statusCode, { 'x-a': 'b', 'content-length': '1000', 'transfer-encoding': 'chunked' }); raw.end(textOf(value)) },
  'raw pipe': (value, statusCode, { raw }) => { raw.statusCode = statusCode; Readable.from([bytesOf(value)]).pipe(raw) }
}

/** Hijacks the reply, and catches the errors of the raw write, because Fastify does not catch them for a hijacked reply. */
const hijack = (write: EntryPoint): EntryPoint => (value, statusCode, reply, request) => {
  reply.hijack()
  try {
    write(value, statusCode, reply, request)
  } catch {
    if (reply.raw.writableEnded) return
    if (!reply.raw.headersSent) reply.raw.statusCode = 500
    reply.raw.end()
  }
}

/** Writes to the raw response, with and without hijacking the reply. */
export const RAW_WRITES: Record<string, EntryPoint> = {
  ...UNGUARDED_RAW_WRITES,
  ...Object.fromEntries(Object.entries(UNGUARDED_RAW_WRITES).map(([name, write]) => [`hijacked: ${name}`, hijack(write)]))
}

/** Bodies of error handlers and not-found handlers, which use the value of a run. */
export const HANDLER_ACTIONS: Record<string, EntryPoint> = {
  ...DECORATOR_CALLS,
  throw: THROWN_ERRORS.throw!,
  reject: THROWN_ERRORS.reject!,
  'return an error': THROWN_ERRORS['return an error']!,
  'send a value': SENT_PAYLOADS['send a value']!,
  'return a value': SENT_PAYLOADS['return a value']!,
  'send JSON': SENT_PAYLOADS['send JSON']!,
  'send a text': SENT_PAYLOADS['send a text']!,
  'send a stream': SENT_PAYLOADS['send a stream']!,
  'send a Response': SENT_PAYLOADS['send a Response']!,
  'raw phrase': RAW_WRITES['raw phrase']!,
  'raw end of a text': RAW_WRITES['raw end of a text']!
}
