// undici-http2.js URL
import { Agent, request } from 'undici'

const url = process.argv[2]
const dispatcher = new Agent({ allowH2: true })

const response = await request(url, { dispatcher })
const reason = response.headers['eb-reason-phrase']
console.log(`status: ${response.statusCode}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusText}`)
await dispatcher.destroy()
