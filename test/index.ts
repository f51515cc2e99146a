import t from 'tap'
import reasonPhrase, * as entry from '../index.js'
import plugin from '../plugins/reason-phrase.js'
import { serverOptions } from '../plugins/server-options.js'

t.test('the package exports the plugin and the server options', async t => {
  t.equal(reasonPhrase, plugin)
  t.equal(entry.serverOptions, serverOptions)
  t.strictSame(Object.keys(entry).sort(), ['default', 'serverOptions'])
})
