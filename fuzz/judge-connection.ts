import { getFieldValues, isLastOnConnection, type HttpResponse } from '../conformance/exchange/response.js'
import { ResponseSyntaxError } from '../conformance/exchange/response-reader.js'
import { Contract } from '../lib/contract.js'
import { findViolations, describeSyntaxError, readResponses } from './responses.js'

const contract = new Contract()

/** What a client received on a connection. */
export interface ConnectionResult {
  bytes: Buffer
  /** Whether the client left before the last response, or the connection was reset. */
  isAborted: boolean
  /** How many requests the server must answer; undefined after malformed input, where the number is unknown. */
  requests?: number
}

/** Returns what breaks the contract in the responses of a connection, and their status codes. */
export async function judgeConnection ({ bytes, isAborted, requests }: ConnectionResult): Promise<{ problems: string[], statusCodes: number[] }> {
  const problems: string[] = []
  const answers: HttpResponse[] = []
  let isCut = false
  try {
    await readResponses(bytes, head => /^x-method: (\S+)\r?$/im.exec(head)?.[1] ?? 'GET', answers)
  } catch (error) {
    // A response is cut when its stream fails after the head, when the client leaves, and when only interim responses came.
    isCut = error instanceof ResponseSyntaxError && error.isTruncated && (isAborted || (error.statusCode ?? 500) < 400 || isInterim(error.bytes))
    if (!isCut) problems.push(describeSyntaxError(error))
  }
  for (const [index, answer] of answers.entries()) {
    const isFinal = index === answers.length - 1
    problems.push(...findViolations(answer, contract))
    const [number] = getFieldValues(answer, 'x-seq')
    // A response without a number was written on the socket by clientErrorHandler, so it must be the last one.
    if (number === undefined ? !isFinal || !isLastOnConnection(answer) || answer.statusCode < 400 : number !== String(index)) {
      problems.push(`response ${index} has the number ${number}`)
    }
    if (isLastOnConnection(answer) && (!isFinal || isCut)) problems.push(`close-is-last: more bytes after response ${index}`)
  }
  if (requests !== undefined && answers.length !== requests && !isCut && !isAborted) {
    const final = answers.at(-1)
    if (answers.length > requests || final === undefined || !isLastOnConnection(final)) problems.push(`answered: ${answers.length} responses to ${requests} requests`)
  }
  return { problems, statusCodes: answers.map(({ statusCode }) => statusCode) }
}

/** Returns whether the bytes contain only 1xx responses. */
function isInterim (bytes: Uint8Array): boolean {
  return /^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+$/.test(Buffer.from(bytes).toString('latin1'))
}
