import { ALGORITHM, getComponentValue, createSignatureBase, type Component, type SignableRequest } from '../lib/signature/signature-base.js'
import { throwInvalidArgument } from './invalid-argument.js'

/** A key that the client shares with the service. */
export interface Key {
  /** Identifies the key to the service. Printable ASCII. */
  id: string
  /** The shared secret. A string is encoded as UTF-8. */
  secret: string | Uint8Array
}

/** What a signature covers in addition to the method, the path, the query and the digest of the body. */
export interface SignerOptions {
  /**
   * Names of more components, such as `@authority` and `content-type`. A
   * header field is covered only in requests that have it. Default: none.
   */
  components?: string[] | undefined
}

/** Returns a signed copy of a request. Does not change the request. */
export type Signer = (request: Request) => Promise<Request>

const PRINTABLE_ASCII = /^[ -~]+$/

const DIGEST_FIELD = 'content-digest'
const DEFAULT_COMPONENTS = ['@method', '@path', '@query']
const NO_PARAMETERS = new Map()
const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256' }

/**
 * Returns the header fields that sign a request, names in lower case.
 *
 * @internal
 */
export type FieldSigner = (request: SignableRequest, body: ArrayBuffer | Uint8Array<ArrayBuffer>) => Promise<Record<string, string>>

/**
 * Returns a function like that of {@link signer} for requests that fetch does
 * not send. It returns the header fields to add.
 *
 * @throws {TypeError} for the same reasons as {@link signer}
 * @internal
 */
export function createFieldSigner ({ id, secret }: Key, { components: moreComponents = [] }: SignerOptions = {}): FieldSigner {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  if (typeof id !== 'string' || !PRINTABLE_ASCII.test(id) || !ArrayBuffer.isView(bytes) || !bytes.byteLength) {
    throwInvalidArgument('key must have an id of printable ASCII, and a secret that is not empty')
  }
  const { subtle } = crypto
  if (!subtle) throwInvalidArgument('signing needs WebCrypto, which browsers have only on https and on localhost')
  const imported = subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, HMAC_SHA256, false, ['sign'])

  return async function sign (request, body) {
    const fields: Record<string, string> = {}
    const names = new Set(DEFAULT_COMPONENTS)
    if (body.byteLength > 0) {
      fields[DIGEST_FIELD] = `sha-256=:${encodeBase64(await subtle.digest('SHA-256', body))}:`
      names.add(DIGEST_FIELD)
    }
    const covered = { ...request, field: (name: string) => fields[name] ?? request.field(name, NO_PARAMETERS) }
    for (const name of moreComponents) {
      if (name[0] === '@' || covered.field(name) !== undefined) names.add(name)
    }

    const components = [...names].map((name): Component => ({ name, parameters: NO_PARAMETERS, identifier: `"${name}"` }))
    // Serialized as structured fields (RFC 9651 section 4.1).
    const parameters = `(${components.map(({ identifier }) => identifier).join(' ')});created=${Math.floor(Date.now() / 1000)};nonce="${createNonce()}";keyid="${id.replace(/["\\]/g, '\\$&')}";alg="${ALGORITHM}"`
    const base = createSignatureBase(components, parameters, component => getComponentValue(covered, component) ?? throwMissingComponent(component.identifier))
    const mac = await subtle.sign('HMAC', await imported, encodeLatin1(base))
    return { ...fields, 'signature-input': `sig1=${parameters}`, signature: `sig1=:${encodeBase64(mac)}:` }
  }
}

/**
 * Returns a function that signs requests (RFC 9421, `hmac-sha256`). A signature
 * covers the method, the path and the query. With a body, it also covers the
 * digest of the body (RFC 9530, `sha-256`). Each signature has its creation
 * time and a nonce, so sign a request again before you send it again.
 *
 * @throws {TypeError} if the key is invalid, or if there is no WebCrypto.
 * Browsers have WebCrypto only on https and on localhost. The returned function
 * rejects with a `TypeError` for a component that no request has.
 */
export function signer (key: Key, options?: SignerOptions): Signer {
  const sign = createFieldSigner(key, options)
  return async request => {
    const signed = request.clone()
    const fields = await sign(toSignableRequest(signed), await request.clone().arrayBuffer())
    for (const name in fields) signed.headers.set(name, fields[name]!)
    return signed
  }
}

function toSignableRequest ({ method, url, headers }: Request): SignableRequest {
  const { protocol, host, pathname, search } = new URL(url)
  return {
    method,
    scheme: protocol.slice(0, -1),
    authority: host,
    target: pathname + search,
    field: name => headers.get(name) ?? undefined
  }
}

/** Returns 16 random bytes as base64url. */
function createNonce (): string {
  return encodeBase64(crypto.getRandomValues(new Uint8Array(16)).buffer).slice(0, -2).replaceAll('+', '-').replaceAll('/', '_')
}

function encodeBase64 (bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}

/** Returns the bytes of a header value: one for each character. */
function encodeLatin1 (text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

function throwMissingComponent (component: string): never {
  throwInvalidArgument(`components contains ${component}, which no request has`)
}
