import { SIGNATURE_FIELD } from './key-ring.js'

/** A security scheme of an OpenAPI document: plain, or an Immutable.js map of Swagger UI. */
type SecurityScheme = { type?: string, in?: string, name?: string } | { toJS (): SecurityScheme }

/** Returns whether a security scheme is the one of signed requests, which the document describes as an API key. */
export function isSignatureScheme (scheme: SecurityScheme | undefined): boolean {
  const { type, in: place, name } = scheme && 'toJS' in scheme ? scheme.toJS() as { type?: string, in?: string, name?: string } : scheme ?? {}
  return type === 'apiKey' && place === 'header' && name?.toLowerCase() === SIGNATURE_FIELD
}
