// Checks the Zod schemas that were generated from the OpenAPI document. scripts/openapi/run copies this file next to the schemas.
import assert from 'node:assert/strict'
import { zPostV2TopicData, zPutV2MaintenanceData } from './zod.js'

const topic = name => ({ body: { name, description: '', mediaType: 'application/json' } })
const maintenance = message => ({ body: { enabled: true, message } })

for (const name of ['orders.created', 'Bestellung/Größe', '订单', '🚌']) {
  assert.ok(zPostV2TopicData.safeParse(topic(name)).success, `The Zod schema of POST /v2/topic must accept the name ${name}, as the service does`)
  assert.ok(zPutV2MaintenanceData.safeParse(maintenance(name)).success, `The Zod schema of PUT /v2/maintenance must accept the message ${name}, as the service does`)
}
for (const name of ['', 'a\nb', 'a\0b', 'a\x7f']) {
  assert.ok(!zPostV2TopicData.safeParse(topic(name)).success, `The Zod schema of POST /v2/topic must reject the name ${JSON.stringify(name)}, as the service does`)
}
assert.ok(!zPutV2MaintenanceData.safeParse(maintenance('  ')).success, 'The Zod schema of PUT /v2/maintenance must reject a message of spaces, as the service does')
console.log('the generated Zod schemas accept and reject the same values as the service')
