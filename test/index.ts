import t from 'tap'
import reasonPhrase, * as entry from '../index.js'
import plugin from '../plugins/reason-phrase/index.js'
import { serverOptions } from '../plugins/reason-phrase/server-options.js'

t.test('the package exports the plugin and the server options', async t => {
  t.equal(reasonPhrase, plugin)
  t.equal(entry.serverOptions, serverOptions)
  t.strictSame(Object.keys(entry).sort(), ['default', 'serverOptions'])
})
