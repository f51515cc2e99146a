// An application for fastify-cli. It loads plugins/ and routes/ with @fastify/autoload.
//
//     npx fastify start -o -l info examples/fastify-cli/app.js
//     curl -i http://127.0.0.1:3000/topic
//     curl -i http://127.0.0.1:3000/topic/orders
//
// -o makes fastify-cli read `options` below. Without it, malformed requests are not covered.
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import fp from 'fastify-plugin'
import { serverOptions } from 'fastify-reason-phrase'

export const options = serverOptions()

// fastify-cli registers the application in a child context. Without fp(), the errors of other contexts would not be covered.
// Do not pass the options of fastify-cli to autoload: they are the options of the server.
export default fp(async function application (app, _options) {
  await app.register(autoload, { dir: join(import.meta.dirname, 'plugins') })
  await app.register(autoload, { dir: join(import.meta.dirname, 'routes') })
})
