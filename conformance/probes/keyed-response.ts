import { escapeControls } from '../../lib/control-characters.js'
import { getFieldValues, type HttpResponse } from '../exchange/response.js'

/** The recorded header fields that are compared. Others, such as Date, differ in a repetition. */
const RECORDED_FIELDS = ['content-type', 'location'] as const

/** Returns whether a response says that it is a repetition. */
export function isReplayed (response: HttpResponse): boolean {
  return getFieldValues(response, 'idempotent-replayed').includes('true')
}

/** Returns whether a response tells this state of its key. */
export function hasStatus (response: HttpResponse, status: string): boolean {
  const values = getFieldValues(response, 'idempotency-status')
  return values.length === 1 && values[0] === status
}

/** Returns what a response tells of its key. */
export function describeStatus (response: HttpResponse): string {
  const values = getFieldValues(response, 'idempotency-status')
  return values.length === 0 ? 'no Idempotency-Status' : escapeControls(`Idempotency-Status: ${values.join(', ')}`)
}

/**
 * Returns how a response differs from another one, or undefined if both are the
 * recorded response.
 *
 * @param messageField the name, in lower case, of the header that carries the message
 */
export function describeDifference (recorded: HttpResponse, response: HttpResponse, messageField: string): string | undefined {
  if (response.statusCode !== recorded.statusCode) return `${response.statusCode}, not ${recorded.statusCode}`
  if (response.phrase !== recorded.phrase) return 'another reason phrase'
  if (!Buffer.from(response.body).equals(recorded.body)) return `another body of ${response.body.length} bytes`
  const field = [messageField, ...RECORDED_FIELDS].find(name => getFieldValues(response, name).join() !== getFieldValues(recorded, name).join())
  return field && `another ${field}`
}

/** Returns the state that the outcome of a key has. Undefined if the body is no outcome. */
export function readState ({ body }: HttpResponse): string | undefined {
  try {
    const { state } = Object(JSON.parse(Buffer.from(body).toString()))
    return typeof state === 'string' ? escapeControls(state) : undefined
  } catch {
    return undefined
  }
}
