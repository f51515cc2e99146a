import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { openapi, swaggerUiOptions } from '../openapi/index.js'
import * as health from '../../schemas/health.js'
import * as maintenance from '../../schemas/maintenance.js'
import * as message from '../../schemas/message.js'
import * as subscription from '../../schemas/subscription.js'
import * as topic from '../../schemas/topic.js'

/** Adds the OpenAPI document of the service at /docs/json, and a page at /docs that shows it and sends signed requests. */
export default fp(async function docs (app) {
  await app.register(swagger, openapi(app, {
    document: {
      info: { title: 'Topics', version: '2', description: 'A registry of topics.', license: { name: 'MIT', identifier: 'MIT' } },
      // The service does not know its own URL, so this URL is relative to the document.
      servers: [{ url: '/', description: 'The service that sends this document' }]
    },
    schemas: { ...health, ...maintenance, ...message, ...subscription, ...topic }
  }))
  await app.register(async app => {
    // The page and the document are public.
    app.addHook('onRoute', route => { route.config = { ...route.config, signature: false } })
    await app.register(swaggerUi, swaggerUiOptions(app, { routePrefix: '/docs' }))
  })
}, { name: 'docs' })
