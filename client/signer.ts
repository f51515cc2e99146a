import { ALGORITHM, getComponentValue, parseTarget, type SignableRequest } from '../lib/signature/signature-base.js'
import { throwInvalidArgument } from './invalid-argument.js'

/** A key that the client shares with the service. */
export interface Key {
  /** Identifies the key to the service. Printable ASCII. */
  id: string
  /** The shared secret. A string is encoded as UTF-8. */
  secret: string | Uint8Array
}

/** What a signature covers in addition to the method, the path, the query, the digest of the body and the idempotency key. */
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
const KEY_FIELD = 'idempotency-key'
const NO_PARAMETERS = new Map()
const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256' }

/**
 * Returns the header fields that sign a request, names in lower case.
 *
 * @internal
 */
export type FieldSigner = (request: SignableRequest, body: ArrayBuffer | Uint8Array<ArrayBuffer>) => Promise<Record<string, string>>

/**
 * Returns a function that signs requests like {@link signer}, for requests
 * that fetch does not send. The function returns the header fields to add.
 *
 * @throws {TypeError} for the same reasons as {@link signer}
 * @internal
 */
export function createFieldSigner (key: Key, { components = [] }: SignerOptions = {}): FieldSigner {
  return createSigner(key, [...components, KEY_FIELD], getComponent)
}

/** Returns the value of a component without parameters; undefined if the request has none. */
type GetValue = (request: SignableRequest, name: string) => string | undefined

const getComponent: GetValue = (request, name) => getComponentValue(request, { name, parameters: NO_PARAMETERS, identifier: `"${name}"` })

/**
 * Returns a function that creates the header fields of a signature.
 *
 * @param components the names of the components that are covered in addition to the required ones
 * @param getValue reads the values of these components. It is a parameter, so that a bundler can leave {@link getComponent}
 * out of a client
 */
function createSigner ({ id, secret }: Key, components: readonly string[], getValue: GetValue): FieldSigner {
  const encoder = new TextEncoder()
  const secretBytes = typeof secret === 'string' ? encoder.encode(secret) : secret
  if (typeof id !== 'string' || !PRINTABLE_ASCII.test(id) || !ArrayBuffer.isView(secretBytes) || !secretBytes.byteLength) {
    throwInvalidArgument('key must have an id of printable ASCII, and a secret that is not empty')
  }
  const { subtle } = crypto
  if (!subtle) throwInvalidArgument('signing needs WebCrypto, which browsers have only on https and on localhost')
  const imported = subtle.importKey('raw', secretBytes as Uint8Array<ArrayBuffer>, HMAC_SHA256, false, ['sign'])

  const keyParameters = `;keyid="${id.replace(/["\\]/g, '\\$&')}";alg="${ALGORITHM}"`

  return async function sign (request, body) {
    const fields: Record<string, string> = {}
    // createSignatureBase() would take three times as long.
    const { path, query } = parseTarget(request.target)
    const names = ['@method', '@path', '@query']
    let identifiers = '"@method" "@path" "@query"'
    let base = `"@method": ${request.method}\n"@path": ${path || '/'}\n"@query": ${query || '?'}\n`
    const cover = (name: string, value: string): void => {
      names.push(name)
      identifiers += ` "${name}"`
      base += `"${name}": ${value}\n`
    }

    if (body.byteLength > 0) {
      fields[DIGEST_FIELD] = `sha-256=:${encodeBase64(await subtle.digest('SHA-256', body))}:`
      cover(DIGEST_FIELD, fields[DIGEST_FIELD])
    }
    for (const name of components) {
      if (names.includes(name)) continue
      const value = getValue(request, name)
      if (value !== undefined) cover(name, value)
      else if (name[0] === '@') throwInvalidArgument(`components contains "${name}", which no request has`)
    }

    // Serialized as structured fields (RFC 9651 section 4.1).
    const parameters = `(${identifiers});created=${Math.floor(Date.now() / 1000)};nonce="${createNonce()}"${keyParameters}`
    base += `"@signature-params": ${parameters}`
    // Header values are sent with one byte for each character, not as UTF-8. For ASCII, TextEncoder is the fastest.
    const utf8 = encoder.encode(base)
    const bytes = utf8.length === base.length ? utf8 : Uint8Array.from(base, character => character.charCodeAt(0))
    fields['signature-input'] = `sig1=${parameters}`
    fields.signature = `sig1=:${encodeBase64(await subtle.sign('HMAC', await imported, bytes))}:`
    return fields
  }
}

/**
 * Returns a function that signs requests (RFC 9421, `hmac-sha256`). A signature
 * covers the method, the path and the query. With a body, it also covers the
 * digest of the body (RFC 9530, `sha-256`), and with an `Idempotency-Key`, that
 * field. Each signature has its creation time and a nonce, so sign a request
 * again before you send it again.
 *
 * @throws {TypeError} if the key is invalid, or if there is no WebCrypto.
 * Browsers have WebCrypto only on https and on localhost. The returned function
 * rejects with a `TypeError` for a component that no request has.
 */
export function signer (key: Key, options?: SignerOptions): Signer {
  const sign = createFieldSigner(key, options)
  return async request => await signInPlace(request.clone(), sign)
}

/**
 * Returns a function that signs requests like {@link signer} without options.
 * It changes the request itself and returns it, because a copy takes time.
 *
 * @throws {TypeError} for the same reasons as {@link signer}
 * @internal
 */
export function createInPlaceSigner (key: Key): Signer {
  const sign = createSigner(key, [KEY_FIELD], (request, name) => request.field(name, NO_PARAMETERS))
  return async request => await signInPlace(request, sign)
}

async function signInPlace (request: Request, sign: FieldSigner): Promise<Request> {
  // Firefox does not have the property `body`, so only null means that there is no body.
  const body = request.body === null ? new Uint8Array() : await request.clone().arrayBuffer()
  const fields = await sign(toSignableRequest(request), body)
  for (const name in fields) request.headers.set(name, fields[name]!)
  return request
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

// Node creates 1,056 random bytes in the same time as 16, so the bytes for 64 nonces are created at once.
let nextNonces = ''

/** Returns 22 random characters of base64url, which are 132 bits. */
function createNonce (): string {
  nextNonces ||= encodeBase64(crypto.getRandomValues(new Uint8Array(1056)).buffer).replaceAll('+', '-').replaceAll('/', '_')
  const nonce = nextNonces.slice(0, 22)
  nextNonces = nextNonces.slice(22)
  return nonce
}

function encodeBase64 (bytes: ArrayBuffer): string {
  // Spreading the bytes as arguments takes several times as long.
  return btoa(Reflect.apply(String.fromCharCode, null, new Uint8Array(bytes)))
}
