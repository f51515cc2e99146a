// Structured fields (RFC 9651), as far as signatures need them. The signature
// base contains each value in the serialization of section 4.1, so a bare item
// keeps that text: a JavaScript number does not distinguish the decimal 60.0
// from the integer 60.

/** A bare item (RFC 9651 section 3.3). */
export interface BareItem {
  /** The serialized item (RFC 9651 section 4.1.3.1). */
  text: string
  /** The value of a string, an integer, a boolean or a byte sequence; undefined for an item of another type. */
  value: string | number | boolean | Uint8Array | undefined
}

/** The parameters of an item or of an inner list, in order. */
export type Parameters = ReadonlyMap<string, BareItem>

/** A bare item with its parameters. */
export interface Item {
  bare: BareItem
  parameters: Parameters
}

/** An inner list (RFC 9651 section 3.1.1). */
export interface InnerList {
  items: Item[]
  parameters: Parameters
}

/** The members of a dictionary, in order. */
export type Dictionary = ReadonlyMap<string, Item | InnerList>

// RFC 9651 requires support of 1,024 members, and of 256 items and 256 parameters.
// Without a limit, a field of 14 KB, which Node accepts, could have 7,000 of them.
const MAX_PARTS = 1024

/**
 * Parses a dictionary (RFC 9651 section 4.2.2). The time is proportional to
 * the length of the text.
 *
 * @param maxParts the maximum number of members, items and parameters. Default: 1,024
 * @throws {SyntaxError} if the text is not a dictionary, or has too many parts
 */
export function parseDictionary (text: string, maxParts = MAX_PARTS): Dictionary {
  return new Parser(text, maxParts).dictionary()
}

/** Serializes a dictionary (RFC 9651 section 4.1.2). */
export function serializeDictionary (dictionary: Dictionary): string {
  const members: string[] = []
  for (const [key, member] of dictionary) {
    const isTrue = 'bare' in member && member.bare === TRUE
    members.push(isTrue ? key + serializeParameters(member.parameters) : `${key}=${serializeMember(member)}`)
  }
  return members.join(', ')
}

/** Serializes an item or an inner list (RFC 9651 sections 4.1.3 and 4.1.1.1). */
export function serializeMember (member: Item | InnerList): string {
  const value = 'bare' in member ? member.bare.text : `(${member.items.map(serializeMember).join(' ')})`
  return value + serializeParameters(member.parameters)
}

function serializeParameters (parameters: Parameters): string {
  let text = ''
  for (const [key, bare] of parameters) text += bare === TRUE ? `;${key}` : `;${key}=${bare.text}`
  return text
}

const TRUE: BareItem = { text: '?1', value: true }
const FALSE: BareItem = { text: '?0', value: false }
const NONE: Parameters = new Map()

// Each pattern is sticky, and can match a text in one way only, so matching takes linear time.
const KEY = /[a-z*][a-z0-9_.*-]*/y
const STRING = /"[ !#-[\]-~]*(?:\\["\\][ !#-[\]-~]*)*"/y
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y
const DATE = /@-?\d{1,15}(?![\d.])/y
const BOOLEAN = /\?[01]/y
const BYTES = /:[A-Za-z0-9+/]*={0,2}:/y
const DISPLAY = /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y

/** A parser with one pass over the text. */
class Parser {
  readonly #text: string
  readonly #maxParts: number
  #offset = 0
  #parts = 0

  constructor (text: string, maxParts: number) {
    this.#text = text
    this.#maxParts = maxParts
  }

  dictionary (): Dictionary {
    const members = new Map<string, Item | InnerList>()
    this.#skipSpaces()
    while (this.#offset < this.#text.length) {
      const key = this.#key()
      members.set(key, this.#skip('=') ? this.#member() : { bare: TRUE, parameters: this.#parameters() })
      this.#skipWhitespace()
      if (this.#offset === this.#text.length) break
      if (!this.#skip(',')) this.#fail()
      this.#skipWhitespace()
      if (this.#offset === this.#text.length) this.#fail()
    }
    return members
  }

  #member (): Item | InnerList {
    if (!this.#skip('(')) return this.#item()
    const items: Item[] = []
    this.#skipSpaces()
    while (!this.#skip(')')) {
      this.#count()
      items.push(this.#item())
      const end = this.#offset
      this.#skipSpaces()
      if (this.#offset === end && this.#text[end] !== ')') this.#fail()
    }
    return { items, parameters: this.#parameters() }
  }

  #item (): Item {
    return { bare: this.#bareItem(), parameters: this.#parameters() }
  }

  #parameters (): Parameters {
    if (this.#text[this.#offset] !== ';') return NONE
    const parameters = new Map<string, BareItem>()
    while (this.#skip(';')) {
      this.#skipSpaces()
      const key = this.#key()
      parameters.set(key, this.#skip('=') ? this.#bareItem() : TRUE)
    }
    return parameters
  }

  /** Parses the key of a member or of a parameter. */
  #key (): string {
    this.#count()
    return this.#expect(KEY)
  }

  #count (): void {
    if (++this.#parts > this.#maxParts) this.#fail()
  }

  #bareItem (): BareItem {
    switch (this.#text[this.#offset]) {
      case '"': return new StringItem(this.#expect(STRING))
      case ':': return parseBytes(this.#expect(BYTES)) ?? this.#fail()
      case '?': return this.#expect(BOOLEAN) === '?1' ? TRUE : FALSE
      case '@': return { text: `@${Number(this.#expect(DATE).slice(1))}`, value: undefined }
      case '%': return parseDisplayString(this.#expect(DISPLAY)) ?? this.#fail()
    }
    const token = this.#take(TOKEN)
    return token === undefined ? parseNumber(this.#expect(NUMBER)) : { text: token, value: undefined }
  }

  #take (pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    if (!pattern.test(this.#text)) return undefined
    const start = this.#offset
    this.#offset = pattern.lastIndex
    return this.#text.slice(start, this.#offset)
  }

  #expect (pattern: RegExp): string {
    return this.#take(pattern) ?? this.#fail()
  }

  #skip (character: string): boolean {
    if (this.#text[this.#offset] !== character) return false
    this.#offset++
    return true
  }

  #skipSpaces (): void {
    while (this.#text[this.#offset] === ' ') this.#offset++
  }

  #skipWhitespace (): void {
    while (this.#text[this.#offset] === ' ' || this.#text[this.#offset] === '\t') this.#offset++
  }

  #fail (): never {
    throw new SyntaxError(`Not a structured field, at offset ${this.#offset}`)
  }
}

/** A string. Its serialization is the text that was parsed, because a string has only one serialization. */
class StringItem implements BareItem {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }

  get value (): string {
    const inner = this.text.slice(1, -1)
    return inner.includes('\\') ? inner.replace(/\\(.)/g, '$1') : inner
  }
}

function parseNumber (text: string): BareItem {
  const value = Number(text)
  // String() drops the sign of a negative zero, as the serialization does.
  if (!text.includes('.')) return { text: String(value), value }
  return { text: Number.isInteger(value) ? `${value}.0` : String(value), value: undefined }
}

/** A byte sequence. It is decoded on access, because a field can have a thousand byte sequences. */
class ByteSequence implements BareItem {
  readonly #base64: string

  constructor (base64: string) {
    this.#base64 = base64
  }

  get value (): Uint8Array {
    return Buffer.from(this.#base64, 'base64')
  }

  /** The text that was parsed can lack the padding, or have pad bits that are not zero. */
  get text (): string {
    return `:${Buffer.from(this.#base64, 'base64').toString('base64')}:`
  }
}

function parseBytes (text: string): BareItem | undefined {
  const base64 = text.slice(1, -1)
  const rest = base64.length % 4
  return rest === 1 || (rest !== 0 && base64.endsWith('=')) ? undefined : new ByteSequence(base64)
}

/** A display string. The text that was parsed can encode characters that the serialization does not encode. */
class DisplayString implements BareItem {
  readonly value = undefined
  readonly #decoded: string

  constructor (decoded: string) {
    this.#decoded = decoded
  }

  get text (): string {
    return `%"${this.#decoded.replace(/[^ !#$&-~]+/g, encodeLowerCase)}"`
  }
}

function parseDisplayString (text: string): BareItem | undefined {
  try {
    return new DisplayString(decodeURIComponent(text.slice(2, -1)))
  } catch {
    // The bytes are not UTF-8.
    return undefined
  }
}

function encodeLowerCase (text: string): string {
  return encodeURIComponent(text).toLowerCase()
}
