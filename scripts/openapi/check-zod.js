// Checks the Zod schemas that a generator has made of the OpenAPI document. scripts/openapi/run copies it next to them.
import assert from 'node:assert/strict'
import { zPostV2TopicData, zPutV2MaintenanceData } from './zod.js'

const topic = name => ({ body: { name, description: '', mediaType: 'application/json' } })
const maintenance = message => ({ body: { enabled: true, message } })

for (const name of ['orders.created', 'Bestellung/Größe', '订单', '🚌']) {
  assert.ok(zPostV2TopicData.safeParse(topic(name)).success, `The schema of POST /v2/topic refuses the name ${name}`)
  assert.ok(zPutV2MaintenanceData.safeParse(maintenance(name)).success, `The schema of PUT /v2/maintenance refuses the message ${name}`)
}
for (const name of ['', 'a\nb', 'a\0b', 'a\x7f']) {
  assert.ok(!zPostV2TopicData.safeParse(topic(name)).success, `The schema of POST /v2/topic accepts the name ${JSON.stringify(name)}`)
}
assert.ok(!zPutV2MaintenanceData.safeParse(maintenance('  ')).success, 'The schema of PUT /v2/maintenance accepts spaces as a message')
console.log('the generated schemas accept what the service accepts')
