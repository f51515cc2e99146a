import type { KnownLists } from './component-list.js'
import type { SignatureParameters } from './signature-parameters.js'
import type { Signature } from './signatures.js'

const LABEL = /^[a-z*][a-z0-9_.*-]*=$/
// A string without escapes, or an integer without leading zeros: each is its own strict serialization (RFC 9651 section 4.1).
const PARAMETER = /;(created|expires|nonce|keyid|alg)=(?:"([ !#-[\]-~]*)"|(0|[1-9]\d{0,14})(?![\d.]))/y
// A MAC of 32 bytes.
const MAC = /^:[A-Za-z0-9+/]{43}=:$/

/**
 * Reads a signature in the form that most clients send: the only
 * signature of the request, with a known list of components and with the
 * parameters of RFC 9421 section 2.3, serialized strictly.
 *
 * @param input the value of `Signature-Input`
 * @param signature the value of `Signature`
 * @returns what the general parser returns; undefined for any other form
 */
export function readCommonForm (input: string, signature: string, lists: KnownLists): Signature | undefined {
  const start = input.indexOf('(')
  const end = input.indexOf(')', start) + 1
  const list = lists.get(input.slice(start, end))
  if (list === undefined) return undefined
  const label = input.slice(0, start)
  if (!LABEL.test(label) || !signature.startsWith(label)) return undefined
  const mac = signature.slice(label.length)
  const parameters = readParameters(input, end)
  if (parameters === undefined || !MAC.test(mac)) return undefined
  return { list, parameters, input: input.slice(start), mac: Buffer.from(mac.slice(1, -1), 'base64') }
}

/** Returns the parameters from an offset to the end of a text; undefined if they are not in the common form. */
function readParameters (text: string, offset: number): SignatureParameters | undefined {
  const parameters: Record<string, string | number | undefined> = { keyid: undefined, created: undefined, expires: undefined, nonce: undefined, alg: undefined }
  PARAMETER.lastIndex = offset
  while (offset < text.length) {
    const match = PARAMETER.exec(text)
    if (match === null) return undefined
    const [, name, string, integer] = match
    // The general parser decides which of two parameters with the same name counts.
    if (parameters[name] !== undefined) return undefined
    parameters[name] = string ?? Number(integer)
    offset = PARAMETER.lastIndex
  }
  return typeof parameters.keyid === 'string' ? parameters as unknown as SignatureParameters : undefined
}
