import type { FastifyInstance, InjectOptions } from 'fastify'
import type { HttpResponse } from '../conformance/exchange/response.js'
import { readResponses as parseResponses, ResponseSyntaxError } from '../conformance/exchange/response-reader.js'
import { checkResponse } from '../conformance/rules.js'
import type { Contract } from '../lib/contract.js'
import { parse } from '../test/fixtures/wire.js'

/** Returns the violations of the contract in a response, as text. */
export function findViolations (answer: HttpResponse, contract: Contract): string[] {
  return checkResponse(answer, contract).map(({ rule, found }) => `${rule.id}: ${found}`)
}

/**
 * Parses the responses in bytes, with the reader of the conformance kit. `methodOf` returns the method of the request
 * that the given head responds to.
 *
 * @throws {ResponseSyntaxError} for malformed bytes. Then `answers` contains the responses before these bytes.
 */
export async function readResponses (bytes: Buffer, methodOf: (head: string, index: number) => string, answers: HttpResponse[] = []): Promise<HttpResponse[]> {
  for (let at = 0; at < bytes.length;) {
    const from = at
    const method = methodOf(finalHead(bytes.subarray(from)), answers.length)
    const head = bytes.indexOf('\r\n\r\n', from)
    const step = function * (): Generator<Uint8Array> {
      if (head >= 0) {
        at = head + 4
        yield bytes.subarray(from, at)
      }
      // Pass one byte at a time, because the reader does not report where a response ends.
      while (at < bytes.length) yield bytes.subarray(at, ++at)
    }
    const { value } = await parseResponses(step(), [method]).next()
    if (value === undefined) break
    answers.push(value)
  }
  return answers
}

/** Returns the header section of the first response that is not a 1xx. */
function finalHead (bytes: Buffer): string {
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    const head = bytes.toString('latin1', at, end < 0 ? bytes.length : end)
    if (end < 0 || !/^HTTP\/1\.\d 1\d\d/.test(head)) return head
    at = end + 4
  }
}

/** Returns why the bytes are not a response, as text. Rethrows any other error. */
export function describeSyntaxError (error: unknown): string {
  if (!(error instanceof ResponseSyntaxError)) throw error
  return `syntax: ${error.message}: ${JSON.stringify(Buffer.from(error.bytes).toString('latin1').slice(-300))}`
}

/** Injects a request, and returns the response, parsed from the bytes that a socket would have received. */
export async function inject (app: FastifyInstance, options: InjectOptions): Promise<HttpResponse> {
  const response = await app.inject(options)
  const head = (response.raw.res as unknown as { _header: string })._header
  const bytes = head + response.rawPayload.toString('latin1')
  const { responses: [first, ...more], rest } = parse(bytes, [options.method === 'HEAD'], true)
  if (first === undefined || more.length > 0 || rest !== '') throw new Error(`expected exactly one response, but received: ${JSON.stringify(bytes.slice(0, 2000))}`)
  return {
    version: '1.1',
    method: options.method ?? 'GET',
    statusCode: first.statusCode,
    phrase: first.phrase,
    fields: first.lines,
    // Ignore the trailers of inject(), which contain the arguments of addTrailers() even if they are not sent.
    trailers: [],
    body: Buffer.from(first.body, 'latin1'),
    interim: []
  }
}
