const JSON_TYPE = /^[^;]*[/+]json *(?:;|$)/i
const TEXT_TYPE = /^text\//i

/**
 * The body of a response, by its media type. Undefined where there is none.
 *
 * @throws {SyntaxError} for what is not the JSON that it says it is
 */
export async function bodyOf (response: Response): Promise<unknown> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (bytes.length === 0) return undefined
  const mediaType = response.headers.get('content-type') ?? ''
  if (JSON_TYPE.test(mediaType)) return parse(bytes)
  return TEXT_TYPE.test(mediaType) ? decode(bytes) : bytes
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
