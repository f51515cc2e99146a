// As many hooks as the plugin has on a route, empty.
import { serverOptions } from '../../dist/index.js'
import { fastify } from './fastify.js'

export default ({ withServerOptions }) => fastify({
  options: withServerOptions ? serverOptions() : {},
  register (app) {
    app.addHook('onRequest', (_request, _reply, done) => { done() })
    for (const hook of ['preSerialization', 'onError', 'onSend']) app.addHook(hook, (_request, _reply, _payload, done) => { done() })
  }
})
