import { Type } from '@sinclair/typebox'

/** The maximum size of the body of a message, in bytes. */
export const MAX_BODY_BYTES = 256 * 1024

/** The maximum depth of arrays and objects in a JSON body. RFC 8259 section 9 allows such a limit. */
export const MAX_BODY_DEPTH = 256

/** The body of a message. */
export const MessageBody = Type.Unknown({
  description: 'If the media type of the topic is application/json or ends in +json: any JSON value that reads back the same. ' +
    'Integers, and other numbers of more than 17 digits, must fit exactly into an IEEE 754 double. An object must not have two members ' +
    `of the same name. At most ${MAX_BODY_DEPTH} levels of arrays and objects. ` +
    'For any other media type: the bytes in base64 (RFC 4648 section 4, padded). ' +
    `At most ${MAX_BODY_BYTES / 1024} KiB: of the JSON text in UTF-8 without white space, or of the bytes before base64`,
  examples: [{ orderId: 7, total: 12.5 }, 'aGVsbG8=']
})
