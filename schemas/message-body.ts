import { Type } from '@sinclair/typebox'

/** The most bytes of the body of a message. */
export const MAX_BODY_BYTES = 256 * 1024

/** The most levels of arrays and objects in a JSON body (RFC 8259 section 9 lets a receiver set a limit). */
export const MAX_BODY_DEPTH = 256

/** The body of a message. */
export const MessageBody = Type.Unknown({
  description: 'Where the media type of the topic is application/json or ends in +json: any JSON value that reads back the ' +
    'same. Its numbers are those of IEEE 754 doubles: an integer that no double holds, or any other number of more than 17 ' +
    'digits that none holds, is refused. So is an object with two members of the same name. It is ' +
    `nested to ${MAX_BODY_DEPTH} levels at most. Elsewhere: its bytes in base64 (RFC 4648 section 4, padded). ` +
    `At most ${MAX_BODY_BYTES / 1024} KiB, of the JSON text without white space in UTF-8, or of the bytes`,
  examples: [{ orderId: 7, total: 12.5 }, 'aGVsbG8=']
})
