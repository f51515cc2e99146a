import { createHash, createHmac } from 'node:crypto'
import { KEY } from './servers/payloads.js'

/** The fields of a signature (RFC 9421, 9530) of a request without a query. */
export function sign (method, path, body) {
  const digest = body && `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  const components = { '@method': method, '@path': path, '@query': '?', ...(body && { 'content-digest': digest }) }
  const parameters = `(${Object.keys(components).map(name => `"${name}"`).join(' ')});created=${Math.floor(Date.now() / 1000)};keyid="${KEY.id}"`
  const base = Object.entries({ ...components, '@signature-params': parameters }).map(([name, value]) => `"${name}": ${value}`).join('\n')
  return {
    'signature-input': `sig=${parameters}`,
    signature: `sig=:${createHmac('sha256', KEY.secret).update(base).digest('base64')}:`,
    ...(body && { 'content-digest': digest })
  }
}
