// Structured fields (RFC 9651), as signatures need them. A signature base has
// each value as section 4.1 serializes it, so a bare item keeps that text: a
// number of JavaScript cannot tell the decimal 60.0 from the integer 60.

/** A bare item (RFC 9651 section 3.3). */
export interface BareItem {
  /** The item as RFC 9651 section 4.1.3.1 serializes it. */
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

/** A list of items within a member. */
export interface InnerList {
  items: Item[]
  parameters: Parameters
}

/** The members of a dictionary, in order. */
export type Dictionary = ReadonlyMap<string, Item | InnerList>

// RFC 9651 asks for 1,024 members, and 256 for the items of an inner list and for
// parameters. Fields of 14 KB, which Node lets through, could have 7,000 of them.
const MOST_PARTS = 1024

/**
 * Parses a dictionary (RFC 9651 section 4.2.2). The time is proportional to
 * the length of the text.
 *
 * @throws {SyntaxError} if the text is not a dictionary, or has more than 1,024 members, items and parameters
 */
export function parseDictionary (text: string): Dictionary {
  return new Parser(text).dictionary()
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

// Each of them is sticky, and has no two ways to match the same text.
const KEY = /[a-z*][a-z0-9_.*-]*/y
const STRING = /"[ !#-[\]-~]*(?:\\["\\][ !#-[\]-~]*)*"/y
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y
const DATE = /@-?\d{1,15}(?![\d.])/y
const BOOLEAN = /\?[01]/y
const BYTES = /:[A-Za-z0-9+/]*={0,2}:/y
const DISPLAY = /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y

/** Reads a text from its start to its end. */
class Parser {
  readonly #text: string
  #at = 0
  #parts = 0

  constructor (text: string) {
    this.#text = text
  }

  dictionary (): Dictionary {
    const members = new Map<string, Item | InnerList>()
    this.#skipSpaces()
    while (this.#at < this.#text.length) {
      const key = this.#key()
      members.set(key, this.#skip('=') ? this.#member() : { bare: TRUE, parameters: this.#parameters() })
      this.#skipWhitespace()
      if (this.#at === this.#text.length) break
      if (!this.#skip(',')) this.#fail()
      this.#skipWhitespace()
      if (this.#at === this.#text.length) this.#fail()
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
      const end = this.#at
      this.#skipSpaces()
      if (this.#at === end && this.#text[end] !== ')') this.#fail()
    }
    return { items, parameters: this.#parameters() }
  }

  #item (): Item {
    return { bare: this.#bareItem(), parameters: this.#parameters() }
  }

  #parameters (): Parameters {
    if (this.#text[this.#at] !== ';') return NONE
    const parameters = new Map<string, BareItem>()
    while (this.#skip(';')) {
      this.#skipSpaces()
      const key = this.#key()
      parameters.set(key, this.#skip('=') ? this.#bareItem() : TRUE)
    }
    return parameters
  }

  /** The key of a member or of a parameter. */
  #key (): string {
    this.#count()
    return this.#expect(KEY)
  }

  #count (): void {
    if (++this.#parts > MOST_PARTS) this.#fail()
  }

  #bareItem (): BareItem {
    switch (this.#text[this.#at]) {
      case '"': return new StringItem(this.#expect(STRING))
      case ':': return readBytes(this.#expect(BYTES)) ?? this.#fail()
      case '?': return this.#expect(BOOLEAN) === '?1' ? TRUE : FALSE
      case '@': return { text: `@${Number(this.#expect(DATE).slice(1))}`, value: undefined }
      case '%': return readDisplayString(this.#expect(DISPLAY)) ?? this.#fail()
    }
    const token = this.#take(TOKEN)
    return token === undefined ? readNumber(this.#expect(NUMBER)) : { text: token, value: undefined }
  }

  #take (pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return undefined
    const start = this.#at
    this.#at = pattern.lastIndex
    return this.#text.slice(start, this.#at)
  }

  #expect (pattern: RegExp): string {
    return this.#take(pattern) ?? this.#fail()
  }

  #skip (character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpaces (): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #skipWhitespace (): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++
  }

  #fail (): never {
    throw new SyntaxError(`Not a structured field, at offset ${this.#at}`)
  }
}

/** A string. It has one text only, which is the text that was read. */
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

function readNumber (text: string): BareItem {
  const value = Number(text)
  // A negative zero is serialized without its sign.
  if (!text.includes('.')) return { text: String(value), value }
  return { text: Number.isInteger(value) ? `${value}.0` : String(value), value: undefined }
}

/** Bytes. They are decoded only when somebody asks for them, because a field can have a thousand of them. */
class ByteSequence implements BareItem {
  readonly #base64: string

  constructor (base64: string) {
    this.#base64 = base64
  }

  get value (): Uint8Array {
    return Buffer.from(this.#base64, 'base64')
  }

  /** What was read may lack its padding, and have pad bits that are not zero. */
  get text (): string {
    return `:${Buffer.from(this.#base64, 'base64').toString('base64')}:`
  }
}

function readBytes (text: string): BareItem | undefined {
  const base64 = text.slice(1, -1)
  const rest = base64.length % 4
  return rest === 1 || (rest !== 0 && base64.endsWith('=')) ? undefined : new ByteSequence(base64)
}

/** A display string, which can encode more than it must. */
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

function readDisplayString (text: string): BareItem | undefined {
  try {
    return new DisplayString(decodeURIComponent(text.slice(2, -1)))
  } catch {
    // It is not UTF-8.
    return undefined
  }
}

function encodeLowerCase (text: string): string {
  return encodeURIComponent(text).toLowerCase()
}
