import t from 'tap'
import reasonPhrase, * as entry from '../index.js'
import plugin from '../plugins/reason-phrase/index.js'
import { serverOptions } from '../plugins/reason-phrase/server-options.js'

t.test('the package exports the plugin, the server options and the name of the channel', async t => {
  t.equal(reasonPhrase, plugin)
  t.equal(entry.serverOptions, serverOptions)
  t.equal(entry.ERROR_CHANNEL, 'fastify-reason-phrase:error')
  t.strictSame(Object.keys(entry).sort(), ['ERROR_CHANNEL', 'default', 'serverOptions'])
})
