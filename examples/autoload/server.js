// A service whose plugins and routes are loaded by @fastify/autoload.
//
//     node examples/autoload/server.js
//     curl -i http://127.0.0.1:3000/topic
//     curl -i http://127.0.0.1:3000/topic/orders
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify from 'fastify'
import { serverOptions } from 'fastify-reason-phrase'

const app = Fastify(serverOptions({ logger: true }))
await app.register(autoload, { dir: join(import.meta.dirname, 'plugins') }) // first, with plugins/reason-phrase.js
await app.register(autoload, { dir: join(import.meta.dirname, 'routes') })

await app.listen({ port: Number(process.env.PORT ?? 3000) })
