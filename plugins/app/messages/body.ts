import { MAX_BODY_DEPTH } from '../../../schemas/message-body.js'

/** Returns the JSON text of a value as bytes; `undefined` if the text would not parse to the same value. */
export function encodeJson (value: unknown): Buffer | undefined {
  return hasJsonText(value, 0) ? Buffer.from(stringifyJson(value)) : undefined
}

/** Returns the JSON text of a value like `JSON.stringify()`, but keeps the sign of -0. The value must not contain `undefined`. */
export function stringifyJson (value: unknown): string {
  return hasNegativeZero(value) ? stringifyWithNegativeZero(value) : JSON.stringify(value)
}

/**
 * Returns what a JSON text loses when it is parsed, as the end of a sentence: the exact value of a number that does not fit into
 * a double, or a member whose name is used twice in an object (RFC 7493 sections 2.2 and 2.3). Returns `undefined` if nothing is
 * lost.
 *
 * @param text a valid JSON text
 * @param value the value that it parses to
 */
export function findJsonLoss (text: string, value: unknown): string | undefined {
  let members = 0
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ':') members++
    else if (token[0] !== '"' && !isExactDouble(token)) return `has the number ${truncate(token)}, which a double (IEEE 754) would change`
  }
  return members === countMembers(value) ? undefined : 'has an object with two members of the same name'
}

/** Decodes a base64 text (RFC 4648 section 4). Returns `undefined` for any other value. */
export function decodeBase64 (value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value, 'base64')
  // Node skips characters that are not base64, and does not require the padding.
  return bytes.toString('base64') === value ? bytes : undefined
}

// The parser turns 1e999 into Infinity, which JSON cannot express. It also accepts a nesting that is too deep for the serializer.
function hasJsonText (value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (!isObject(value)) return true
  return depth < MAX_BODY_DEPTH && Object.values(value).every(item => hasJsonText(item, depth + 1))
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function hasNegativeZero (value: unknown): boolean {
  return isObject(value) ? Object.values(value).some(hasNegativeZero) : Object.is(value, -0)
}

function stringifyWithNegativeZero (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stringifyWithNegativeZero).join()}]`
  if (isObject(value)) return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${stringifyWithNegativeZero(item)}`).join()}}`
  return Object.is(value, -0) ? '-0' : JSON.stringify(value)
}

// Matches a string, a number, or the colon of a member.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|:/g

// With 17 significant digits, all doubles have different texts.
const MAX_DOUBLE_DIGITS = 17

// No double needs more characters, even if all of its digits are written.
const MAX_NUMBER_LENGTH = 1100

/**
 * Returns whether a double can represent a number of a JSON text. For an integer, all digits must be equal, even if it is written
 * with a point or an exponent. For any other number, as many digits must be equal as a double has.
 */
function isExactDouble (token: string): boolean {
  if (token.length > MAX_NUMBER_LENGTH) return false
  const parsed = String(Number(token))
  if (parsed === token) return true
  const [digits, exponent] = parseDecimal(token)
  const [parsedDigits, parsedExponent] = parseDecimal(parsed)
  if (digits === parsedDigits && exponent === parsedExponent) return true
  if (!/[.e]/i.test(token) || digits.length > MAX_DOUBLE_DIGITS || parsedDigits === '') return false
  // Accept a double with more digits than it needs, because some programs write it so.
  return exponent < 0 || parseDecimal(Number(token).toPrecision(digits.length))[0] === digits
}

/** Returns the significant digits of a number without trailing zeros, and the power of ten of the last digit. */
function parseDecimal (number: string): [digits: string, exponent: number] {
  const [, integer, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number)!
  const padded = `${integer}${fraction}`.replace(/^0+/, '')
  const digits = padded.replace(/0+$/, '')
  return digits === '' ? ['', 0] : [digits, Number(exponent) - fraction.length + padded.length - digits.length]
}

function truncate (token: string): string {
  return token.length > 40 ? `${token.slice(0, 40)}...` : token
}

function countMembers (value: unknown): number {
  if (!isObject(value)) return 0
  const items = Object.values(value)
  return items.reduce<number>((count, item) => count + countMembers(item), Array.isArray(value) ? 0 : items.length)
}
