/** How much of a body is examined for its message: bytes, or characters of a string. */
export const MAX_EXAMINED_BODY_LENGTH = 64 * 1024

/**
 * The members of JSON that contain an error's message, the most specific first: `message` is common, `detail` and `title`
 * are from RFC 9457, and `error_description` is from RFC 6749.
 */
const MEMBERS = ['message', 'detail', 'error_description', 'title', 'error'] as const

const BARE_JSON = /^(?:null|true|false|[-\d.eE+]+)$/
const BINARY = /[\0-\x08\x0e-\x1f\ufffd]/ // eslint-disable-line no-control-regex

/** Returns the message of any thrown value. Empty if the value has no message, or if reading it throws. */
export function messageFromError (error: unknown): string {
  if (typeof error === 'string') return error
  if (error === undefined || error === null) return ''
  try {
    if (typeof error !== 'object') return String(error)
    const { message } = error as { message?: unknown }
    return typeof message === 'string' ? message : ''
  } catch {
    return ''
  }
}

/** Returns whether an error allows its message to be sent, with `expose: true`. Errors of `http-errors` have this property. */
export function isExposedError (error: unknown): boolean {
  try {
    return Object(error).expose === true
  } catch {
    return false
  }
}

/**
 * Returns the message in the body of an error. In JSON, it is `message` or a member with the same meaning. A plain text is
 * the message itself. Empty for HTML, binary data, JSON that was cut, and a body without a message.
 *
 * @param isCut whether the body goes on. Default: `false`
 */
export function messageFromBody (body: string | Uint8Array, isCut = false): string {
  return typeof body === 'string' ? messageFromText(body, isCut || body.length > MAX_EXAMINED_BODY_LENGTH) : messageFromBytes(body, isCut)
}

/** Returns the start of a body as a text, without white space around it. */
export function decodeStart (body: string | Uint8Array): string {
  const start = typeof body === 'string' ? body.slice(0, MAX_EXAMINED_BODY_LENGTH) : new TextDecoder().decode(body.subarray(0, MAX_EXAMINED_BODY_LENGTH))
  return start.trim()
}

function messageFromBytes (bytes: Uint8Array, isCut: boolean): string {
  const cut = isCut || bytes.byteLength > MAX_EXAMINED_BODY_LENGTH
  // The cut can be in the middle of a character.
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_EXAMINED_BODY_LENGTH), { stream: cut })
  return BINARY.test(text) ? '' : messageFromText(text, cut)
}

function messageFromText (text: string, isCut: boolean): string {
  const start = text.slice(0, MAX_EXAMINED_BODY_LENGTH).trim()
  switch (start[0]) {
    case '<':
      return ''
    case '{':
    case '[':
    case '"':
      return isCut ? '' : messageFromJson(start, text)
    default:
      return BARE_JSON.test(start) ? '' : text
  }
}

function messageFromJson (start: string, text: string): string {
  let value
  try {
    value = JSON.parse(start)
  } catch {
    return text // It is a text that starts with a bracket or a quote.
  }
  const { error, errors } = Object(value) as { error?: unknown, errors?: unknown }
  return messageFromValue(value) || messageFromValue(error) || (Array.isArray(errors) ? messageFromValue(errors[0]) : '')
}

/** Returns the message of a JSON value: the value itself if it is a string, or the first member of an object that has one. */
function messageFromValue (value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  for (const member of MEMBERS) {
    const message = (value as Record<string, unknown>)[member]
    if (typeof message === 'string' && message !== '') return message
  }
  return ''
}
