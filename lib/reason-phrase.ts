import anyAscii from 'any-ascii'

/** The most characters of a message in the header (`responses.md`). */
export const HEADER_LIMIT = 512

/** The most characters of a message in the status line (`responses.md`). */
export const PHRASE_LIMIT = 128

// How much of a longer message is looked at: enough for a full header even
// where runs of white space shrink to one space, and a bound on the work.
const EXAMINED = 8 * HEADER_LIMIT

const PLAIN = /^[!-~]+(?: [!-~]+)*$/
const NOT_ASCII = /[^\0-\x7f]/
const BLANK = /[\s\p{Cc}]+/gu

/**
 * The text that stands for a message on the wire: printable ASCII, single
 * spaces, trimmed, at most {@link HEADER_LIMIT} characters (`responses.md`).
 * Empty where nothing of the message is left. Throws for no string, and its
 * work does not grow with the message's length.
 */
export function reasonText (message: string): string {
  const head = message.length > HEADER_LIMIT ? message.slice(0, HEADER_LIMIT) : message
  if (PLAIN.test(head)) return head

  // Piece by piece: of most messages the first fills the header.
  const examined = message.length > EXAMINED ? message.slice(0, EXAMINED) : message
  let text = ''
  let start = 0
  while (start < examined.length && text.length < HEADER_LIMIT) {
    let end = start + HEADER_LIMIT
    if (isHighSurrogate(examined.charCodeAt(end - 1))) end++
    text = (text + asciiOf(examined.slice(start, end))).replace(BLANK, ' ').trimStart()
    start = end
  }
  return text.slice(0, HEADER_LIMIT).trimEnd()
}

// Blanks become plain ones first; a transliteration can bring some of its own.
function asciiOf (text: string): string {
  const plain = text.replace(BLANK, ' ')
  return NOT_ASCII.test(plain) ? anyAscii(plain) : plain
}

function isHighSurrogate (unit: number): boolean {
  return (unit & 0xfc00) === 0xd800
}

/** The status line's share of a {@link reasonText}: its first {@link PHRASE_LIMIT} characters. */
export function reasonPhrase (text: string): string {
  return text.length > PHRASE_LIMIT ? text.slice(0, PHRASE_LIMIT).trimEnd() : text
}
