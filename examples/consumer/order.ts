// A consumer that orders a book once, even if the network fails. Start examples/idempotent-service first.
//
//     npx tsx examples/consumer/order.ts order-7 book
//     npx tsx examples/consumer/order.ts order-8 unicorn
import { createClient } from 'fastify-reason-phrase/client'

const { BASE_URL = 'http://127.0.0.1:3000', SECRET } = process.env
if (!SECRET) throw new Error('Set SECRET to the secret of the key')
const [idempotencyKey, item] = process.argv.slice(2)
if (idempotencyKey === undefined || item === undefined) throw new Error('Usage: order.ts <idempotency key> <item>')

const client = createClient({
  baseUrl: BASE_URL,
  key: { id: 'shop', secret: SECRET },
  outcomes: '/operation',
  timeout: 5_000, // for each attempt, in milliseconds
  retry: { deadline: 15_000 } // for all attempts together
})

let result = await client<{ id: number }>('POST', '/order', { body: { item }, idempotencyKey })

// A 5xx or a lost response: the order may or may not exist. After the key is closed, it exists, or it never will.
if (result.outcome === 'unknown') result = await client.settle<{ id: number }>(idempotencyKey)

switch (result.outcome) {
  case 'success':
    console.log(`Order ${result.body.id} exists`)
    break
  case 'rejected':
    console.log(`No order: ${result.reason}`)
    process.exitCode = 1
    break
  case 'unknown':
    console.log(`Run this command again later: ${result.reason}`)
    process.exitCode = 2
}
