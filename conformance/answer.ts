/** A field line, its name and value as they were sent, as latin1. */
export type Field = readonly [name: string, value: string]

/** An answer to a request, whichever way it came. */
export interface Answer {
  /** `1.0`, `1.1` or `2`; undefined where the answer does not tell. */
  readonly version: string | undefined
  /** The method of the request that it answers. */
  readonly method: string
  readonly statusCode: number
  /** As latin1; undefined where there is none, as in HTTP/2, or the answer does not tell. */
  readonly phrase: string | undefined
  readonly fields: readonly Field[]
  readonly trailers: readonly Field[]
  readonly body: Uint8Array
  /** The 1xx that came before it (RFC 9110 section 15.2). */
  readonly interim: readonly Answer[]
}

/** All values of a field, in order. */
export function valuesOf ({ fields }: Answer, name: string): string[] {
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
}

/** Field lines from names and values that alternate, as Node has them. */
export function pairs (raw: readonly string[]): Field[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!])
}
