import type { FastifyInstance, RouteOptions } from 'fastify'
import { getPermissions, kVerify, needsSignature, type Verifying } from '../reason-phrase/permissions.js'
import type { Json } from './json.js'

// The name of the security scheme of signed requests.
const SCHEME = 'signature'

/** Adds the security scheme of signed requests if the service verifies them. */
export function addSecurityScheme (app: FastifyInstance, { components }: Json): void {
  if (verifiesSignatures(app)) components.securitySchemes = { [SCHEME]: createScheme(), ...components.securitySchemes }
}

/** Returns the security requirements of a route; undefined if those of the document apply. */
export function getSecurity (app: FastifyInstance, { config = {}, schema }: RouteOptions): Json[] | undefined {
  const { security } = (schema ?? {}) as Json
  if (security !== undefined || !verifiesSignatures(app)) return security
  if (!needsSignature(config)) return []
  const permissions = getPermissions(config)
  // One of several requirements is enough.
  return permissions.length === 0 ? [{ [SCHEME]: [] }] : permissions.map(permission => ({ [SCHEME]: [permission] }))
}

function verifiesSignatures (app: Verifying): boolean {
  return app[kVerify] !== undefined
}

function createScheme (): Json {
  return {
    type: 'apiKey',
    in: 'header',
    name: 'Signature',
    description: 'The request is signed: HTTP Message Signatures (RFC 9421) with the algorithm hmac-sha256, in the fields Signature-Input and Signature, ' +
      'and of its body a Content-Digest (RFC 9530) with sha-256 or sha-512. What must be covered is in the Accept-Signature field of a 401. ' +
      'The roles of an operation are the permissions that the key needs.'
  }
}
