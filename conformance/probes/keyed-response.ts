import { escapeControls } from '../../lib/control-characters.js'
import { getFieldValues, type HttpResponse } from '../exchange/response.js'

/** The recorded header fields that are compared. Other fields, such as Date, differ in a replayed response. */
const RECORDED_FIELDS = ['content-type', 'location'] as const

/** Returns whether a response is marked as replayed, with `Idempotent-Replayed: true`. */
export function isReplayed (response: HttpResponse): boolean {
  return getFieldValues(response, 'idempotent-replayed').includes('true')
}

/** Returns whether `Idempotency-Status` of a response is this state of the key. */
export function hasStatus (response: HttpResponse, status: string): boolean {
  const values = getFieldValues(response, 'idempotency-status')
  return values.length === 1 && values[0] === status
}

/** Returns `Idempotency-Status` of a response as text for a report. */
export function describeStatus (response: HttpResponse): string {
  const values = getFieldValues(response, 'idempotency-status')
  return values.length === 0 ? 'no Idempotency-Status' : escapeControls(`Idempotency-Status: ${values.join(', ')}`)
}

/**
 * Returns how a response differs from the recorded response, or undefined if they
 * are equal.
 *
 * @param messageField the name of the header that contains the message, in lower case
 */
export function describeDifference (recorded: HttpResponse, response: HttpResponse, messageField: string): string | undefined {
  if (response.statusCode !== recorded.statusCode) return `${response.statusCode}, not ${recorded.statusCode}`
  if (response.phrase !== recorded.phrase) return 'another reason phrase'
  if (!Buffer.from(response.body).equals(recorded.body)) return `another body of ${response.body.length} bytes`
  const field = [messageField, ...RECORDED_FIELDS].find(name => getFieldValues(response, name).join() !== getFieldValues(recorded, name).join())
  return field && `another ${field}`
}

/** Returns the state in the body of an outcome response. Undefined if the body is not an outcome. */
export function readState ({ body }: HttpResponse): string | undefined {
  try {
    const { state } = Object(JSON.parse(Buffer.from(body).toString()))
    return typeof state === 'string' ? escapeControls(state) : undefined
  } catch {
    return undefined
  }
}
