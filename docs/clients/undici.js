// undici.js URL
import { request } from 'undici'

const url = process.argv[2]

const response = await request(url)
const reason = response.headers['eb-reason-phrase']
console.log(`status: ${response.statusCode}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusText}`)
