const JSON_TYPE_PATTERN = /^[^;]*[/+]json *(?:;|$)/i
const TEXT_TYPE_PATTERN = /^text\//i

/** A function that is called with the bytes of a body. */
export type OnBody = (bytes: Uint8Array) => void

/**
 * Reads the body of a response, and parses it with {@link parseBody}.
 *
 * @param maxBytes the maximum number of bytes to read, counted after decompression
 * @param onBody is called with the bytes before they are parsed
 * @throws {RangeError} if the body is larger than `maxBytes`
 * @throws {SyntaxError} if the media type is JSON and the body is not
 */
export async function readBody (response: Response, maxBytes: number, onBody?: OnBody): Promise<unknown> {
  const bytes = await readBytes(response, maxBytes)
  onBody?.(bytes)
  return parseBody(bytes, response.headers)
}

/**
 * Returns a body: parsed JSON, a string for `text/*`, bytes for any other media
 * type, or undefined if the body is empty.
 *
 * @throws {SyntaxError} if the media type is JSON and the body is not
 */
export function parseBody (bytes: Uint8Array, headers: Headers): unknown {
  if (bytes.length === 0) return undefined
  const mediaType = headers.get('content-type') ?? ''
  if (JSON_TYPE_PATTERN.test(mediaType)) return parseJson(bytes)
  return TEXT_TYPE_PATTERN.test(mediaType) ? decodeText(bytes) : bytes
}

async function readBytes ({ body }: Response, maxBytes: number): Promise<Uint8Array> {
  let length = 0
  const limited = body?.pipeThrough(new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform (chunk, controller) {
      length += chunk.length
      // The error also cancels the body, which closes the connection.
      if (length > maxBytes) throw new RangeError(`The body is larger than ${maxBytes} bytes`)
      controller.enqueue(chunk)
    }
  }))
  return new Uint8Array(await new Response(limited).arrayBuffer())
}

function parseJson (bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes))
  } catch (cause) {
    throw new SyntaxError('The body is not JSON', { cause })
  }
}

function decodeText (bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
