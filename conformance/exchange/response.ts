/** A field line: the name and the value as they were sent, decoded as latin1. */
export type FieldLine = readonly [name: string, value: string]

/** A response over any version of HTTP. */
export interface HttpResponse {
  /** The version of HTTP: `1.0`, `1.1` or `2`. Undefined if it is not known. */
  readonly version: string | undefined
  /** The method of the request. */
  readonly method: string
  readonly statusCode: number
  /** The reason phrase, decoded as latin1. Undefined for HTTP/2, and if it is not known. */
  readonly phrase: string | undefined
  readonly fields: readonly FieldLine[]
  readonly trailers: readonly FieldLine[]
  readonly body: Uint8Array
  /** The 1xx responses before this one (RFC 9110 section 15.2). */
  readonly interim: readonly HttpResponse[]
}

/**
 * Returns all values of a header field, in order.
 *
 * @param name the name of the field, in lower case
 */
export function getFieldValues ({ fields }: Pick<HttpResponse, 'fields'>, name: string): string[] {
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
}

/** Returns the field lines of Node's `rawHeaders`, a list in which names and values alternate. */
export function parseRawHeaders (raw: readonly string[]): FieldLine[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!])
}

/** Returns the field lines of a header object. Skips undefined values and pseudo-header fields. */
export function toFieldLines (headers: Record<string, string | string[] | number | undefined>): FieldLine[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || name.startsWith(':')) return []
    return [value].flat().map(value => [name, String(value)] as const)
  })
}

/** Returns whether a response says that it is the last on its connection (RFC 9112 section 9.3). */
export function isLastOnConnection ({ version, fields }: HttpResponse): boolean {
  const options = getFieldValues({ fields }, 'connection').flatMap(value => value.toLowerCase().split(',')).map(option => option.trim())
  return options.includes('close') || (version === '1.0' && !options.includes('keep-alive'))
}
