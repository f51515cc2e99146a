import { ALGORITHM, componentValue, signatureBase, type Component, type SignableRequest } from '../lib/signature/signature-base.js'
import { throwInvalidArgument } from './invalid-argument.js'

/** A key that the service knows, too. */
export interface Key {
  /** Names the key to the service: printable ASCII. */
  id: string
  /** The secret that is shared with the service; a string stands for its UTF-8 bytes. */
  secret: string | Uint8Array
}

/** What a signer covers beside what it always does. */
export interface SignerOptions {
  /**
   * Names of further components, such as `@authority` and `content-type`. A
   * field is covered in the requests that have it. Default: none.
   */
  components?: string[] | undefined
}

/** Makes a signed copy of a request, and leaves the request as it was. */
export type Signer = (request: Request) => Promise<Request>

const PRINTABLE = /^[ -~]+$/

const DIGEST = 'content-digest'
const always = ['@method', '@path', '@query']
const plain = new Map()
const hmac = { name: 'HMAC', hash: 'SHA-256' }

/**
 * Signs a request that is no `Request` of fetch: the fields that it needs beside its own.
 *
 * @internal
 */
export type FieldSigner = (request: SignableRequest, body: ArrayBuffer | Uint8Array<ArrayBuffer>) => Promise<Record<string, string>>

/**
 * As {@link signer}, of what is about to be sent by other means.
 *
 * @internal
 */
export function fieldSigner ({ id, secret }: Key, { components: further = [] }: SignerOptions = {}): FieldSigner {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  if (typeof id !== 'string' || !PRINTABLE.test(id) || !ArrayBuffer.isView(bytes) || !bytes.byteLength) {
    throwInvalidArgument('a key needs an id of printable ASCII, and a secret')
  }
  const { subtle } = crypto
  if (!subtle) throwInvalidArgument('signing needs https or localhost')
  const imported = subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, hmac, false, ['sign'])

  return async function sign (request, body) {
    const fields: Record<string, string> = {}
    const names = new Set(always)
    if (body.byteLength > 0) {
      fields[DIGEST] = `sha-256=:${base64(await subtle.digest('SHA-256', body))}:`
      names.add(DIGEST)
    }
    const covered = { ...request, field: (name: string) => fields[name] ?? request.field(name, plain) }
    for (const name of further) {
      if (name[0] === '@' || covered.field(name) !== undefined) names.add(name)
    }

    const components = [...names].map((name): Component => ({ name, parameters: plain, identifier: `"${name}"` }))
    // Structured fields, serialized strictly (RFC 9651 section 4.1).
    const parameters = `(${components.map(({ identifier }) => identifier).join(' ')});created=${Math.floor(Date.now() / 1000)};nonce="${nonce()}";keyid="${id.replace(/["\\]/g, '\\$&')}";alg="${ALGORITHM}"`
    const base = signatureBase(components, parameters, component => componentValue(covered, component) ?? absent(component.identifier))
    const mac = await subtle.sign('HMAC', await imported, latin1(base))
    return { ...fields, 'signature-input': `sig1=${parameters}`, signature: `sig1=:${base64(mac)}:` }
  }
}

/**
 * A function that signs requests (RFC 9421, `hmac-sha256`). A signature covers
 * the method, the path and the query, and with a body its digest (RFC 9530,
 * `sha-256`). It is for one use, soon: it has the time of its making and a
 * nonce, so what is sent again is signed again.
 *
 * @throws {TypeError} for a key or a component that cannot be used, and where
 * there is no WebCrypto: browsers have it on https and localhost alone
 */
export function signer (key: Key, options?: SignerOptions): Signer {
  const sign = fieldSigner(key, options)
  return async request => {
    const signed = request.clone()
    const fields = await sign(signable(signed), await request.clone().arrayBuffer())
    for (const name in fields) signed.headers.set(name, fields[name]!)
    return signed
  }
}

function signable ({ method, url, headers }: Request): SignableRequest {
  const { protocol, host, pathname, search } = new URL(url)
  return {
    method,
    scheme: protocol.slice(0, -1),
    authority: host,
    target: pathname + search,
    field: name => headers.get(name) ?? undefined
  }
}

/** 16 random bytes as base64url. */
function nonce (): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)).buffer).slice(0, -2).replaceAll('+', '-').replaceAll('/', '_')
}

function base64 (bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}

/** The bytes of a text as a header has them: one for each character. */
function latin1 (text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

function absent (component: string): never {
  throwInvalidArgument(`no request has a component ${component}`)
}
