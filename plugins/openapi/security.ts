import type { FastifyInstance, RouteOptions } from 'fastify'
import { getPermissions, kVerify, needsSignature, type Verifying } from '../reason-phrase/permissions.js'
import type { Json } from './json.js'

// The name of the security scheme of signed requests.
const SCHEME = 'signature'

// The credentials of a signed request.
const SIGNATURE = 'a signature (HMAC)'

/** The credentials of the other schemes, by HTTP authentication scheme, or by type if there is no such scheme. */
const CREDENTIALS: Record<string, string> = {
  basic: 'a user name and a password (Basic)',
  bearer: 'a Bearer token',
  mutualtls: 'a client certificate',
  oauth2: 'an OAuth 2.0 access token',
  openidconnect: 'an OpenID Connect token'
}

const PLACES: Record<string, string> = { header: 'header field', query: 'query parameter' }

/** Adds the security scheme of signed requests if the service verifies them. */
export function addSecurityScheme (app: FastifyInstance, { components }: Json): void {
  if (verifiesSignatures(app)) components.securitySchemes = { [SCHEME]: createScheme(), ...components.securitySchemes }
}

/** Returns the security requirements of a route; undefined if the requirements of the document apply. */
export function getSecurity (app: FastifyInstance, { config = {}, schema }: RouteOptions): Json[] | undefined {
  const { security } = (schema ?? {}) as Json
  if (security !== undefined || !verifiesSignatures(app)) return security
  if (!needsSignature(config)) return []
  const permissions = getPermissions(config)
  // One of several requirements is enough.
  return permissions.length === 0 ? [{ [SCHEME]: [] }] : permissions.map(permission => ({ [SCHEME]: [permission] }))
}

/** Returns whether these security requirements need credentials. An empty requirement means that a request needs none. */
export function needsCredentials (security: Json[] = []): boolean {
  return security.some(requirement => Object.keys(requirement).length > 0)
}

/** Returns the meaning of a 401 for an operation with these security requirements. */
export function describeUnauthorized (security: Json[], schemes: Json = {}): string {
  // A requirement lists the schemes that a request needs together. One of several requirements is enough.
  const alternatives = security.map(requirement => Object.keys(requirement).map(name => describeCredentials(name, schemes[name])).join(' and '))
  const credentials = [...new Set(alternatives.filter(alternative => alternative !== ''))].join(', or ')
  if (credentials === '') return 'The request is not authenticated.'
  return credentials === SIGNATURE ? 'The request was not constructed and signed correctly using HMAC.' : `The request is not authenticated. It needs ${credentials}.`
}

/** Returns the credentials that a security scheme asks for. */
function describeCredentials (name: string, { type, scheme = type, in: place, name: field }: Json): string {
  if (/hmac/i.test(`${name} ${scheme}`) || /^signature$/i.test(field ?? scheme)) return SIGNATURE
  if (type === 'apiKey') return `an API key in the ${PLACES[place] ?? place} \`${field}\``
  return CREDENTIALS[scheme.toLowerCase()] ?? `credentials of the scheme ${scheme}`
}

function verifiesSignatures (app: Verifying): boolean {
  return app[kVerify] !== undefined
}

function createScheme (): Json {
  return {
    type: 'apiKey',
    in: 'header',
    name: 'Signature',
    description: 'The request is signed: HTTP Message Signatures (RFC 9421) with the algorithm hmac-sha256, in the fields Signature-Input and Signature. ' +
      'A request with a body has a Content-Digest (RFC 9530) with sha-256 or sha-512. The Accept-Signature field of a 401 lists what the signature must cover. ' +
      'The roles of an operation are the permissions that the key needs.'
  }
}
