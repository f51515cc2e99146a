// got.js URL
import got from 'got'

const url = process.argv[2]

const response = await got(url, { throwHttpErrors: false })
const reason = response.headers['eb-reason-phrase']
console.log(`status: ${response.statusCode}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusMessage}`)
