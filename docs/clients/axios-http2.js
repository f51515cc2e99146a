// axios-http2.js URL
import axios from 'axios'

const url = process.argv[2]

const response = await axios.get(url, { validateStatus: () => true, httpVersion: 2 })
const reason = response.headers.get('EB-REASON-PHRASE')
console.log(`status: ${response.status}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusText}`)
