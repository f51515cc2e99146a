/** Returns whether a media type is JSON: `application/json`, or one with the suffix `+json` (RFC 6839 section 3.1). */
export function isJson (mediaType: string): boolean {
  return /^(application\/json|[^;]+\+json)[ \t]*(;|$)/i.test(mediaType)
}

/** Returns whether a media type is plain text. */
export function isPlainText (mediaType: string): boolean {
  return /^text\/plain[ \t]*(;|$)/i.test(mediaType)
}
