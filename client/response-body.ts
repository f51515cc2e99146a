const JSON_TYPE = /^[^;]*[/+]json *(?:;|$)/i
const TEXT_TYPE = /^text\//i

/**
 * The body of a response, by its media type. Undefined where there is none.
 *
 * @param limit the most bytes that are read, once they are decompressed
 * @throws {RangeError} for more bytes than the limit
 * @throws {SyntaxError} for what is not the JSON that it says it is
 */
export async function bodyOf (response: Response, limit: number): Promise<unknown> {
  const bytes = await bytesOf(response, limit)
  if (bytes.length === 0) return undefined
  const mediaType = response.headers.get('content-type') ?? ''
  if (JSON_TYPE.test(mediaType)) return parse(bytes)
  return TEXT_TYPE.test(mediaType) ? decode(bytes) : bytes
}

async function bytesOf ({ body }: Response, limit: number): Promise<Uint8Array> {
  let length = 0
  const limited = body?.pipeThrough(new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform (chunk, controller) {
      length += chunk.length
      // The error ends the body as well, and so the connection.
      if (length > limit) throw new RangeError(`The body is larger than ${limit} bytes`)
      controller.enqueue(chunk)
    }
  }))
  return new Uint8Array(await new Response(limited).arrayBuffer())
}

function parse (bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decode(bytes))
  } catch (cause) {
    throw new SyntaxError('The body is not JSON', { cause })
  }
}

function decode (bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
