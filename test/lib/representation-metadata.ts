import t from 'tap'
import { isRepresentationMetadata } from '../../lib/representation-metadata.js'

t.test('returns true for fields that describe a body, or how it is transferred', async t => {
  for (const field of [
    'content-type', 'content-length', 'content-encoding', 'content-language', 'content-location', 'content-range',
    'content-disposition', 'content-md5', 'content-digest', 'etag', 'last-modified', 'accept-ranges', 'transfer-encoding', 'trailer'
  ]) t.equal(isRepresentationMetadata(field), true, field)
})

t.test('returns false for all other fields', async t => {
  for (const field of [
    'retry-after', 'www-authenticate', 'allow', 'vary', 'set-cookie', 'access-control-allow-origin', 'connection', 'date',
    'location', 'cache-control', 'accept', 'x-content-type-options', 'x-etag', 'trailers', 'eb-reason-phrase', 'content', 'contents-type', ''
  ]) t.equal(isRepresentationMetadata(field), false, field)
})
