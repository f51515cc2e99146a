import { parseDictionary, type Dictionary } from './structured-fields.js'

// Anybody can send these fields, so they have a limit. Eight signatures with 32 components in all can have 88 parameters.
const MAX_PARTS: Record<string, number | undefined> = { 'signature-input': 128, signature: 128 }

/** The header fields of a request. Each field is parsed at most once. */
export class Fields {
  readonly #rawHeaders: readonly string[]
  #names: string[] | undefined
  readonly #dictionaries = new Map<string, Dictionary | undefined>()

  /** @param rawHeaders alternating names and values, as Node has them in `rawHeaders` */
  constructor (rawHeaders: readonly string[]) {
    this.#rawHeaders = rawHeaders
  }

  /** Returns the values of all lines of a field, in order. Node's `headers` drops some duplicates. */
  lines (name: string): string[] {
    const lines: string[] = []
    for (let i = this.#indexOf(name); i >= 0; i = this.#indexOf(name, i + 1)) lines.push(this.#valueAt(i))
    return lines
  }

  /** Returns the value of a field, with its lines joined (RFC 9421 section 2.1); undefined if there is none. */
  value (name: string): string | undefined {
    const first = this.#indexOf(name)
    if (first < 0) return undefined
    if (this.#indexOf(name, first + 1) < 0) return this.#valueAt(first)
    // HTTP/2 can split a cookie into several lines (RFC 9113 section 8.2.3).
    return this.lines(name).join(name === 'cookie' ? '; ' : ', ')
  }

  #indexOf (name: string, start?: number): number {
    // Searching a list is faster than creating a map, because a request has few lines, and few of its fields are covered.
    this.#names ??= this.#readNames()
    return this.#names.indexOf(name, start)
  }

  #readNames (): string[] {
    const names: string[] = []
    for (let i = 0; i < this.#rawHeaders.length; i += 2) names.push(this.#rawHeaders[i].toLowerCase())
    return names
  }

  #valueAt (index: number): string {
    return trim(this.#rawHeaders[2 * index + 1])
  }

  /** Returns a field as a dictionary (RFC 9651 section 3.2); undefined if the field is absent or malformed. */
  dictionary (name: string): Dictionary | undefined {
    if (!this.#dictionaries.has(name)) {
      const value = this.value(name)
      this.#dictionaries.set(name, value === undefined ? undefined : readDictionary(value, MAX_PARTS[name]))
    }
    return this.#dictionaries.get(name)
  }
}

/** Returns a value as a dictionary (RFC 9651 section 3.2); undefined if it is malformed, or has more than `maxParts` parts. */
export function readDictionary (value: string, maxParts?: number): Dictionary | undefined {
  try {
    return parseDictionary(value, maxParts)
  } catch {
    return undefined
  }
}

/** Removes whitespace at both ends. A regular expression would take quadratic time for whitespace in the middle. */
function trim (value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isWhitespace(value[start])) start++
  while (start < end && isWhitespace(value[end - 1])) end--
  return value.slice(start, end)
}

function isWhitespace (character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}
