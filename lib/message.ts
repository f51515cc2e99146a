// A serialised body longer than this is dropped unread.
const READABLE = 64 * 1024

// Fields that carry an error's message, the most telling first: the habit of
// the ecosystem, RFC 9457 (detail, title), RFC 6749 (error_description).
const FIELDS = ['message', 'detail', 'error_description', 'title', 'error'] as const

const BARE_JSON = /^(?:null|true|false|[-\d.eE+]+)$/
const BINARY = /[\0-\x08\x0e-\x1f\ufffd]/ // eslint-disable-line no-control-regex

/**
 * The message of anything that can be thrown, or given where a message is
 * wanted. Empty where there is none, and where asking for it throws.
 */
export function messageOf (thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (thrown === undefined || thrown === null) return ''
  try {
    if (typeof thrown !== 'object') return String(thrown)
    const { message } = thrown as { message?: unknown }
    return typeof message === 'string' ? message : ''
  } catch {
    return ''
  }
}

/** Returns whether an error asks for its message to be sent, as those of `http-errors` do. */
export function isExposed (thrown: unknown): boolean {
  try {
    return Object(thrown).expose === true
  } catch {
    return false
  }
}

/**
 * Returns the message in the body of an error, as it would go on the wire: of
 * JSON its `message`, RFC 9457 `detail` or `title`, or what takes their place;
 * of a text the text. Returns an empty string for HTML, for binary data, for
 * JSON that was cut, and where there is no message.
 *
 * @param isCut whether the body goes on after this
 */
export function messageIn (body: string | Uint8Array, isCut = false): string {
  return typeof body === 'string' ? messageInText(body, isCut || body.length > READABLE) : messageInBytes(body, isCut)
}

/** Returns the start of a body as text, without white space around it. */
export function startOf (body: string | Uint8Array): string {
  return (typeof body === 'string' ? body.slice(0, READABLE) : new TextDecoder().decode(body.subarray(0, READABLE))).trim()
}

function messageInBytes (bytes: Uint8Array, isCut: boolean): string {
  const cut = isCut || bytes.byteLength > READABLE
  // The cut can fall within a character.
  const text = new TextDecoder().decode(bytes.subarray(0, READABLE), { stream: cut })
  return BINARY.test(text) ? '' : messageInText(text, cut)
}

function messageInText (text: string, cut: boolean): string {
  const start = text.slice(0, READABLE).trim()
  switch (start[0]) {
    case '<':
      return ''
    case '{':
    case '[':
    case '"':
      return cut ? '' : messageInJson(start, text)
    default:
      return BARE_JSON.test(start) ? '' : text
  }
}

function messageInJson (start: string, text: string): string {
  let value
  try {
    value = JSON.parse(start)
  } catch {
    return text // not JSON after all: a text that starts with a bracket
  }
  return messageInValue(value)
}

function messageInValue (value: unknown): string {
  const { error, errors } = Object(value) as { error?: unknown, errors?: unknown }
  return said(value) || said(error) || (Array.isArray(errors) ? said(errors[0]) : '')
}

/** What a value says: a string itself, an object its most telling field. */
function said (value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  for (const field of FIELDS) {
    const found = (value as Record<string, unknown>)[field]
    if (typeof found === 'string' && found !== '') return found
  }
  return ''
}
