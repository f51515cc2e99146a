// client.js URL
import { createClient } from 'fastify-reason-phrase/client'

const { origin, pathname } = new URL(process.argv[2])

const client = createClient({ baseUrl: origin })
const { outcome, status, reason } = await client('GET', pathname)
console.log(`status: ${status}`)
console.log(`reason: ${reason}`)
console.log(`outcome: ${outcome}`)
