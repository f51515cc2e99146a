import anyAscii from 'any-ascii'

/** The longest message in the header, in characters (`docs/contract.md`). */
export const MAX_HEADER_LENGTH = 512

/** The longest message in the status line, in characters (`docs/contract.md`). */
export const MAX_PHRASE_LENGTH = 128

/**
 * How much of a longer message is examined, in UTF-16 code units. That much text usually fills the header, even if long
 * white space becomes single spaces. The limit bounds the work.
 */
const MAX_EXAMINED_LENGTH = 8 * MAX_HEADER_LENGTH

const PLAIN = /^[!-~]+(?: [!-~]+)*$/
const NOT_ASCII = /[^\0-\x7f]/
const BLANK = /[\s\p{Cc}]+/gu

/**
 * Returns a message as the header contains it: printable ASCII, with single spaces, trimmed, at most
 * {@link MAX_HEADER_LENGTH} characters (`docs/contract.md`). Empty if nothing of the message is left. The work does not
 * grow with the length of the message.
 *
 * @throws {TypeError} if the message is not a string
 */
export function toHeaderText (message: string): string {
  const head = message.length > MAX_HEADER_LENGTH ? message.slice(0, MAX_HEADER_LENGTH) : message
  if (PLAIN.test(head)) return head

  // The text is converted in pieces, because most messages fill the header with the first piece.
  const examined = message.length > MAX_EXAMINED_LENGTH ? message.slice(0, MAX_EXAMINED_LENGTH) : message
  let text = ''
  let start = 0
  while (start < examined.length && text.length < MAX_HEADER_LENGTH) {
    let end = start + MAX_HEADER_LENGTH
    if (isHighSurrogate(examined.charCodeAt(end - 1))) end++
    text = (text + toAscii(examined.slice(start, end))).replace(BLANK, ' ').trimStart()
    start = end
  }
  return text.slice(0, MAX_HEADER_LENGTH).trimEnd()
}

// Blank characters become spaces first, because the transliteration would remove some of them, such as U+0085.
function toAscii (text: string): string {
  const plain = text.replace(BLANK, ' ')
  return NOT_ASCII.test(plain) ? anyAscii(plain) : plain
}

function isHighSurrogate (unit: number): boolean {
  return (unit & 0xfc00) === 0xd800
}

/** Returns the part of a {@link toHeaderText} for the status line: its first {@link MAX_PHRASE_LENGTH} characters. */
export function toReasonPhrase (text: string): string {
  return text.length > MAX_PHRASE_LENGTH ? text.slice(0, MAX_PHRASE_LENGTH).trimEnd() : text
}
