import { MIMEType } from 'node:util'

// RFC 6838 section 4.2 for the names, RFC 9110 section 5.6 for the parameters.
const NAME = '[A-Za-z0-9][\\w!#$&^.+-]{0,126}'
const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const QUOTED_STRING = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"'
const MEDIA_TYPE = new RegExp(`^${NAME}/${NAME}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED_STRING}))*$`)

/** Returns whether a text is a media type, with or without parameters (RFC 9110 section 8.3.1). */
export function isMediaType (text: string): boolean {
  return MEDIA_TYPE.test(text)
}

/**
 * Returns whether two media types are equivalent (RFC 9110 section 8.3.1). The case of types, subtypes and parameter names, the
 * order of parameters and their quotes do not matter. The value of a parameter is case-sensitive, except for `charset`. A text
 * that is not a media type equals nothing.
 */
export function isSameMediaType (a: string, b: string): boolean {
  const normalizedA = normalize(a)
  return normalizedA !== undefined && normalizedA === normalize(b)
}

function normalize (mediaType: string): string | undefined {
  try {
    const { essence, params } = new MIMEType(mediaType)
    return JSON.stringify([essence, [...params].map(normalizeParameter).sort()])
  } catch {
    return undefined
  }
}

// The names of charsets are case-insensitive (RFC 9110 section 8.3.2).
function normalizeParameter ([name, value]: [string, string]): string {
  return JSON.stringify([name, name === 'charset' ? value.toLowerCase() : value])
}
