// http2.js URL
import { once } from 'node:events'
import http2 from 'node:http2'

const { origin, pathname } = new URL(process.argv[2])
const session = http2.connect(origin)

const [headers] = await once(session.request({ ':path': pathname }), 'response')
const reason = headers['eb-reason-phrase']
console.log(`status: ${headers[':status']}`)
console.log(`reason: ${reason}`)
session.close()
