// ky.js URL
import ky from 'ky'

const url = process.argv[2]

const response = await ky(url, { throwHttpErrors: false })
const reason = response.headers.get('EB-REASON-PHRASE')
console.log(`status: ${response.status}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusText}`)
