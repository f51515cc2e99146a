import { getFieldValues, isLastOnConnection, type HttpResponse } from '../conformance/exchange/response.js'
import { ResponseSyntaxError } from '../conformance/exchange/response-reader.js'
import { Contract } from '../lib/contract.js'
import { findViolations, describeSyntaxError, readResponses } from './responses.js'

const contract = new Contract()

/** The bytes that a client received on a connection, and how the connection ended. */
export interface ConnectionResult {
  bytes: Buffer
  /** Whether the client closed the connection before the last response, or the connection was reset. */
  isAborted: boolean
  /** The number of responses that the server must send. Undefined after malformed input, where the number is not known. */
  requests?: number
}

/** Returns the violations of the contract in the responses on a connection, and the status codes. */
export async function judgeConnection ({ bytes, isAborted, requests }: ConnectionResult): Promise<{ problems: string[], statusCodes: number[] }> {
  const problems: string[] = []
  const answers: HttpResponse[] = []
  let isCut = false
  try {
    await readResponses(bytes, head => /^x-method: (\S+)\r?$/im.exec(head)?.[1] ?? 'GET', answers)
  } catch (error) {
    // A response may be truncated if its stream failed after the head, if the client left, or if there are only interim
    // responses.
    isCut = error instanceof ResponseSyntaxError && error.isTruncated && (isAborted || (error.statusCode ?? 500) < 400 || isInterim(error.bytes))
    if (!isCut) problems.push(describeSyntaxError(error))
  }
  for (const [index, answer] of answers.entries()) {
    const isFinal = index === answers.length - 1
    problems.push(...findViolations(answer, contract))
    const [number] = getFieldValues(answer, 'x-seq')
    // clientErrorHandler writes its response directly to the socket, without a number. This response must be the last one.
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
