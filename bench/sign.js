// Prints the CPU time of a signature of the client in microseconds, by signer and work.
import { createFieldSigner, signer } from '../dist/client/signer.js'
import { KEY } from './servers/signed.js'

const [, , slices, count] = process.argv.map(Number)
const { subtle } = crypto
const ORIGIN = 'http://127.0.0.1:3000'
const target = '/v2/topic?limit=10'

const cryptoKey = await subtle.importKey('raw', Buffer.from(KEY.secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
const signFields = createFieldSigner(KEY)
const signCopy = signer(KEY)

function signersOf (method, body) {
  const request = { method, scheme: 'http', authority: '127.0.0.1:3000', target, field: () => undefined }
  const fetchRequest = new Request(ORIGIN + target, { method, body })
  const bytes = body ?? new Uint8Array()
  // It has the length of the signature base.
  const base = Buffer.alloc(body === undefined ? 185 : 266, 'x')
  return {
    '`crypto.subtle.sign`': async () => {
      if (body !== undefined) await subtle.digest('SHA-256', body)
      await subtle.sign('HMAC', cryptoKey, base)
    },
    'the header fields': async () => await signFields(request, bytes),
    '`signer()`, which copies the request': async () => await signCopy(fetchRequest)
  }
}

const works = { 'signer-get': signersOf('GET'), 'signer-post-1kb': signersOf('POST', Buffer.alloc(1000, 'x')) }
const figures = {}
for (let slice = -1; slice < slices; slice++) {
  for (const [work, signers] of Object.entries(works)) {
    for (const [name, sign] of Object.entries(signers)) {
      const before = process.cpuUsage()
      for (let i = 0; i < count; i++) await sign()
      const { user, system } = process.cpuUsage(before)
      figures[name] ??= {}
      // The first slice warms up.
      figures[name][work] = slice < 0 ? 0 : figures[name][work] + (user + system) / count / slices
    }
  }
}
console.log(JSON.stringify(figures))
