import { MIMEType } from 'node:util'

// RFC 6838 for the names, RFC 9110 for the parameters.
const NAME = '[A-Za-z0-9][\\w!#$&^.+-]{0,126}'
const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const QUOTED = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"'
const MEDIA_TYPE = new RegExp(`^${NAME}/${NAME}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED}))*$`)

/** Whether a text is a media type, with parameters if any (RFC 9110 section 8.3.1). */
export function isMediaType (text: string): boolean {
  return MEDIA_TYPE.test(text)
}

/**
 * Whether two texts mean the same media type (RFC 9110 section 8.3.1): type, subtype and names of parameters in any case,
 * parameters in any order, quoted or not; their values as they are, but for `charset`. What is no media type is the same as none.
 */
export function isSameMediaType (a: string, b: string): boolean {
  const canonicalA = canonical(a)
  return canonicalA !== undefined && canonicalA === canonical(b)
}

/** Whether a media type is JSON: `application/json`, or one with the suffix `+json` (RFC 6839 section 3.1). */
export function isJson (mediaType: string): boolean {
  return /^(application\/json|[^;]+\+json)[ \t]*(;|$)/i.test(mediaType)
}

/** Whether a media type is plain text. */
export function isPlainText (mediaType: string): boolean {
  return /^text\/plain[ \t]*(;|$)/i.test(mediaType)
}

function canonical (mediaType: string): string | undefined {
  try {
    const { essence, params } = new MIMEType(mediaType)
    return JSON.stringify([essence, [...params].map(canonicalParameter).sort()])
  } catch {
    return undefined
  }
}

// RFC 9110 section 8.3.2: the names of charsets have no case.
function canonicalParameter ([name, value]: [string, string]): string {
  return JSON.stringify([name, name === 'charset' ? value.toLowerCase() : value])
}
