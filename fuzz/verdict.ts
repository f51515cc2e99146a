import type { FastifyInstance, InjectOptions } from 'fastify'
import type { HttpResponse } from '../conformance/exchange/response.js'
import { ResponseSyntaxError, readResponses } from '../conformance/exchange/response-reader.js'
import { checkResponse } from '../conformance/rules.js'
import type { Contract } from '../lib/contract.js'
import { parse } from '../test/fixtures/wire.js'

/** What of an answer breaks the contract, in words. */
export function breaches (answer: HttpResponse, contract: Contract): string[] {
  return checkResponse(answer, contract).map(({ rule, found }) => `${rule.id}: ${found}`)
}

/**
 * The answers in bytes, each read by the conformance kit's reader, as the
 * answer to the method that `methodOf` finds in its head.
 *
 * @throws {ResponseSyntaxError} for bytes that are no answer; what was read before is in `answers`
 */
export async function readAll (bytes: Buffer, methodOf: (head: string, index: number) => string, answers: HttpResponse[] = []): Promise<HttpResponse[]> {
  for (let at = 0; at < bytes.length;) {
    const from = at
    const method = methodOf(finalHead(bytes.subarray(from)), answers.length)
    const head = bytes.indexOf('\r\n\r\n', from)
    const step = function * (): Generator<Uint8Array> {
      if (head >= 0) {
        at = head + 4
        yield bytes.subarray(from, at)
      }
      // One at a time, so that it is known where the answer ends.
      while (at < bytes.length) yield bytes.subarray(at, ++at)
    }
    const { value } = await readResponses(step(), [method]).next()
    if (value === undefined) break
    answers.push(value)
  }
  return answers
}

/** The first head that is not a 1xx. */
function finalHead (bytes: Buffer): string {
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    const head = bytes.toString('latin1', at, end < 0 ? bytes.length : end)
    if (end < 0 || !/^HTTP\/1\.\d 1\d\d/.test(head)) return head
    at = end + 4
  }
}

/** Why bytes are no answer, in words. */
export function describe (error: unknown): string {
  if (!(error instanceof ResponseSyntaxError)) throw error
  return `syntax: ${error.message}: ${JSON.stringify(Buffer.from(error.bytes).toString('latin1').slice(-300))}`
}

/** Injects a request, and reads the answer from the bytes that a socket would have got. */
export async function injected (app: FastifyInstance, options: InjectOptions): Promise<HttpResponse> {
  const response = await app.inject(options)
  const head = (response.raw.res as unknown as { _header: string })._header
  const bytes = head + response.rawPayload.toString('latin1')
  const { responses: [first, ...more], rest } = parse(bytes, [options.method === 'HEAD'], true)
  if (first === undefined || more.length > 0 || rest !== '') throw new Error(`not one answer: ${JSON.stringify(bytes.slice(0, 2000))}`)
  return {
    version: '1.1',
    method: options.method ?? 'GET',
    statusCode: first.statusCode,
    phrase: first.phrase,
    fields: first.lines,
    // Those that inject has are what was given to addTrailers(), sent or not.
    trailers: [],
    body: Buffer.from(first.body, 'latin1'),
    interim: []
  }
}
