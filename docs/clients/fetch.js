// fetch.js URL
const url = process.argv[2]

const response = await fetch(url)
const reason = response.headers.get('EB-REASON-PHRASE')
console.log(`status: ${response.status}`)
console.log(`reason: ${reason}`)
console.log(`phrase: ${response.statusText}`)
