// http.js URL
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'

const url = process.argv[2]
const { get } = url.startsWith('https:') ? https : http

const [response] = await once(get(url), 'response')
const reason = response.headers['eb-reason-phrase']
console.log(`status: ${response.statusCode}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusMessage}`)
response.resume()
