// Writes the OpenAPI document of the example service to standard output.
import { join } from 'node:path'
import Fastify from 'fastify'
import service from '../../app.js'
import { serverOptions } from '../../index.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('Usage: write-document.js <folder for the key file and the database>')

// Fastify's default timeout of 10 seconds for each plugin can be too short on a busy machine.
const app = Fastify(serverOptions({ pluginTimeout: 60_000 }))
await app.register(service, { databaseFile: join(folder, 'topics.db'), keysFile: join(folder, 'keys.json') })
const { body } = await app.inject('/docs/json')
process.stdout.write(body)
await app.close()
