/** The most bytes of a message's body. */
export const BODY_LIMIT = 256 * 1024

/** The most levels of arrays and objects in a JSON body (RFC 8259 section 9 lets a receiver set a limit). */
export const DEPTH_LIMIT = 256

/** The bytes of a JSON value: its text. Undefined where they would not read back as the same value. */
export function fromJson (value: unknown): Buffer | undefined {
  return isFaithful(value, 0) ? Buffer.from(toJson(value)) : undefined
}

/** Returns the JSON text of a value, as JSON.stringify() does, but with the sign of -0. The value has no `undefined`. */
export function toJson (value: unknown): string {
  return hasNegativeZero(value) ? write(value) : JSON.stringify(value)
}

/**
 * Returns what the value of a JSON text does not hold of it, as a reason: a number that a double changes, or all but
 * the last of the members that share a name. Undefined where nothing is lost. The text must be JSON, and parse to the
 * value (RFC 7493 sections 2.2 and 2.3).
 */
export function lossOf (text: string, value: unknown): string | undefined {
  let members = 0
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ':') members++
    else if (token[0] !== '"' && !isHeld(token)) return `has the number ${shorten(token)}, which a double (IEEE 754) would change`
  }
  return members === countMembers(value) ? undefined : 'has an object with two members of the same name'
}

/** The bytes that a base64 text means (RFC 4648 section 4). Undefined where it is none. */
export function fromBase64 (value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value, 'base64')
  // Node skips what is not base64, and takes what is not padded.
  return bytes.toString('base64') === value ? bytes : undefined
}

// The parser makes 1e999 an Infinity, which has no text, and goes deeper than the serialiser can follow.
function isFaithful (value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (!isObject(value)) return true
  return depth < DEPTH_LIMIT && Object.values(value).every(item => isFaithful(item, depth + 1))
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function hasNegativeZero (value: unknown): boolean {
  return isObject(value) ? Object.values(value).some(hasNegativeZero) : Object.is(value, -0)
}

function write (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join()}]`
  if (isObject(value)) return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${write(item)}`).join()}}`
  return Object.is(value, -0) ? '-0' : JSON.stringify(value)
}

// A string, a number, or the colon of a member.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|:/g

// No double needs more to be told from all others.
const DOUBLE_DIGITS = 17

// More than any double takes that is written out.
const NUMBER_LENGTH = 1100

/**
 * Whether a double holds a number: an integer to all of its digits, also where it is written with a point or an exponent,
 * and any other number to as many digits as a double can have.
 */
function isHeld (token: string): boolean {
  if (token.length > NUMBER_LENGTH) return false
  const read = String(Number(token))
  if (read === token) return true
  const [digits, exponent] = decimal(token)
  const [readDigits, readExponent] = decimal(read)
  if (digits === readDigits && exponent === readExponent) return true
  if (!/[.e]/i.test(token) || digits.length > DOUBLE_DIGITS || readDigits === '') return false
  // Some programs write a double with more digits than it needs.
  return exponent < 0 || decimal(Number(token).toPrecision(digits.length))[0] === digits
}

/** The digits of a number from the first to the last that is not 0, and the power of ten of the last. */
function decimal (number: string): [digits: string, exponent: number] {
  const [, integer, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number)!
  const padded = `${integer}${fraction}`.replace(/^0+/, '')
  const digits = padded.replace(/0+$/, '')
  return digits === '' ? ['', 0] : [digits, Number(exponent) - fraction.length + padded.length - digits.length]
}

function shorten (token: string): string {
  return token.length > 40 ? `${token.slice(0, 40)}...` : token
}

function countMembers (value: unknown): number {
  if (!isObject(value)) return 0
  const items = Object.values(value)
  return items.reduce<number>((count, item) => count + countMembers(item), Array.isArray(value) ? 0 : items.length)
}
