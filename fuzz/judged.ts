import { getFieldValues, isLastOnConnection, type HttpResponse } from '../conformance/exchange/response.js'
import { ResponseSyntaxError } from '../conformance/exchange/response-reader.js'
import { Contract } from '../lib/contract.js'
import { breaches, describe, readAll } from './verdict.js'

const contract = new Contract()

/** What a client saw of a connection. */
export interface Seen {
  bytes: Buffer
  /** Whether it went before the answers were there, or the connection was reset. */
  left: boolean
  /** How many requests must be answered; undefined where nobody can know. */
  requests?: number
}

/** What is wrong with the answers on a connection; and the status codes. */
export async function judged ({ bytes, left, requests }: Seen): Promise<{ problems: string[], statusCodes: number[] }> {
  const problems: string[] = []
  const answers: HttpResponse[] = []
  let isCut = false
  try {
    await readAll(bytes, head => /^x-method: (\S+)\r?$/im.exec(head)?.[1] ?? 'GET', answers)
  } catch (error) {
    // A stream that fails behind its head cuts its answer, and so does who leaves, or ends before the body.
    isCut = error instanceof ResponseSyntaxError && error.isTruncated && (left || (error.statusCode ?? 500) < 400 || isInterim(error.bytes))
    if (!isCut) problems.push(describe(error))
  }
  for (const [index, answer] of answers.entries()) {
    const isFinal = index === answers.length - 1
    problems.push(...breaches(answer, contract))
    const [number] = getFieldValues(answer, 'x-seq')
    // What has no number was written on the socket, after all others.
    if (number === undefined ? !isFinal || !isLastOnConnection(answer) || answer.statusCode < 400 : number !== String(index)) {
      problems.push(`answer ${index} has the number ${number}`)
    }
    if (isLastOnConnection(answer) && (!isFinal || isCut)) problems.push(`close-is-last: more behind answer ${index}`)
  }
  if (requests !== undefined && answers.length !== requests && !isCut && !left) {
    const final = answers.at(-1)
    if (answers.length > requests || final === undefined || !isLastOnConnection(final)) problems.push(`answered: ${answers.length} answers to ${requests} requests`)
  }
  return { problems, statusCodes: answers.map(({ statusCode }) => statusCode) }
}

/** Whether nothing came but 1xx. */
function isInterim (bytes: Uint8Array): boolean {
  return /^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+$/.test(Buffer.from(bytes).toString('latin1'))
}
